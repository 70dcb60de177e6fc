"""Extras: libraries that not everybody needs, and how to get a missing one."""

from __future__ import annotations

from importlib.util import find_spec

from napari_dip.errors import InputError

# The extra of this package that brings a library.
EXTRA_OF = {
    "zarr": "zarr",
    "nibabel": "medical",
    "pydicom": "medical",
    "distributed": "distributed",
}

PURPOSES = {
    "zarr": "for .ome.zarr",
    "nibabel": "for .nii and .nii.gz",
    "pydicom": "for DICOM",
    "distributed": "for workers of napari-dip batch",
}


def require(library: str, purpose: object) -> None:
    """Refuse to go on without a library, and say how to get it.

    Parameters
    ----------
    library : str
        Name it is imported by.
    purpose : object
        What it is needed for, such as a path.

    Raises
    ------
    InputError
        When the library is not installed.

    Examples
    --------
    >>> require("zarr", "image.ome.zarr")
    """
    if not installed(library):
        raise InputError(
            f"Got {purpose}, for which {library} is needed; expected it to be installed. "
            f'Get it: pip install "napari-dip[{EXTRA_OF[library]}]".'
        )


def installed(library: str) -> bool:
    """Tell whether a library can be imported, without importing it."""
    return find_spec(library) is not None
