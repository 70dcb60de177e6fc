"""Batch: restore many images, on this machine or on a cluster."""
