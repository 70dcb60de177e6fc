"""Images: arrays with axes and voxel size, intensity scaling, constant and missing pixels."""
