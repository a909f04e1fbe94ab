"""A fitted estimator as plots. This room does not know how anything was trained, and imports matplotlib late."""
