"""Widgets, labels and notifications that all parts of the window use."""
