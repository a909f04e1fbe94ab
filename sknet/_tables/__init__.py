"""What the network is fed: columns and labels, and the matrices they become. It knows nothing of networks."""
