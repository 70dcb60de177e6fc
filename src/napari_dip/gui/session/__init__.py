"""Session: saved settings, preferences and exported code."""
