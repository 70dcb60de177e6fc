"""Blocks: how planes, volumes and tiles are cut out of an image and stitched."""
