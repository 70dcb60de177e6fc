"""TIFF files: pixels, axes, calibration, colours and OME metadata."""
