"""Early stopping: rules, and the measures they read."""
