"""Batch dialog: restores files, folders and layers one after another."""
