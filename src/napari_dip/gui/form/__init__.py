"""Form: fields for the task, the region and the configuration."""
