"""Blocks: planes, volumes and tiles of an image, and their stitching."""
