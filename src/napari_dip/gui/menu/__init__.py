"""Menu of the dock: settings files, exported code and the tour."""
