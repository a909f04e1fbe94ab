"""Tables: columns, rows and labels, and the matrices that they become. This package does not depend on networks."""
