"""NumPy .npy files: images, k-space data and coil sensitivity maps."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_dip.core.image.image import Image
from napari_dip.errors import FileFormatError
from napari_dip.io.memory_check import check_memory as check_free_memory


def read_numpy(path: Path, check_memory: Callable[[int], None]) -> Image:
    """Read the array of a .npy file, which has no axes.

    Parameters
    ----------
    path : Path
        File.
    check_memory : callable
        Function called with the size of the array [bytes] before it is read.
    """
    mapped = np.load(path, mmap_mode="r", allow_pickle=False)
    if not isinstance(mapped, np.ndarray):
        mapped.close()
        raise FileFormatError(f"Got {path}, an archive of arrays; expected a file with one array.")
    check_memory(mapped.nbytes)
    return Image(np.array(mapped), "")


def write_numpy(path: Path, image: Image, description: str | None) -> None:
    """Write the pixels to a .npy file, without axes, voxel size and description."""
    np.save(path, np.asarray(image.data), allow_pickle=False)


def read_kspace(path: str | os.PathLike[str]) -> NDArray[np.complexfloating] | None:
    """Return k-space data, the complex array in a .npy file; None for any other file.

    Parameters
    ----------
    path : path
        Any file.

    Returns
    -------
    (...) complex array or None
        The array in memory; None if the file is not .npy or its values are not complex.
    """
    path = Path(path)
    if path.suffix.lower() != ".npy" or not path.is_file():
        return None
    try:
        mapped = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):  # `read_image` raises the error for the user
        return None
    if mapped.dtype.kind != "c":
        return None
    check_free_memory(mapped.nbytes)
    return np.array(mapped)


def read_maps(path: str | os.PathLike[str]) -> NDArray[np.complexfloating]:
    """Return coil sensitivity maps, the complex array (coils, Y, X) in a .npy file.

    Parameters
    ----------
    path : path
        File.

    Raises
    ------
    FileFormatError
        The file is not .npy, or its values are not complex.
    """
    maps = read_kspace(path)
    if maps is None:
        raise FileFormatError(
            f"Got {path} for sensitivity maps; expected a .npy file with a complex array of shape "
            "(coils, Y, X)."
        )
    return maps
