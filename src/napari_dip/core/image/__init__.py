"""Images: array, axes and voxel size; intensity scaling; constant and missing pixels."""
