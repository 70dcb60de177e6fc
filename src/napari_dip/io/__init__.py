"""Reading and writing of image files: TIFF, OME-Zarr, NIfTI, DICOM, PNG, JPEG and NumPy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_dip.io.images import read_image, write_image

__all__ = ["read_image", "write_image"]


def __getattr__(name: str) -> Any:
    # Reading or writing a file imports its libraries; importing this package does not.
    if name in __all__:
        from napari_dip.io import images

        return getattr(images, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
