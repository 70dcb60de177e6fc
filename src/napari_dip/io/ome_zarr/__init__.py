"""OME-Zarr stores: arrays and their metadata."""
