"""Image files: TIFF, OME-TIFF, OME-Zarr, NIfTI, DICOM, PNG, JPEG and NumPy arrays."""

from napari_dip.io.images import read_image, write_image

__all__ = ["read_image", "write_image"]
