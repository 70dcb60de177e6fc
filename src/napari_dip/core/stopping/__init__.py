"""Early stopping: rules, and the measures that they use."""
