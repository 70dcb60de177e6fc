"""Batch dialog: a folder or the open layers, one after another."""
