"""Rendering: a result as text, as a figure and as an HTML page."""
