"""Restoration: from an image, a task and a configuration to a restored image."""
