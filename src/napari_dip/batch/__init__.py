"""Batch: many files, on this machine or on a cluster."""
