"""Results as text, figure and HTML page."""
