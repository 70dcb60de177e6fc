"""PNG and JPEG by imageio, arrays of NumPy: pixels; and how a JPEG was rounded."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_dip.core.image import Image, as_image
from napari_dip.errors import FileFormatError
from napari_dip.tasks import Quantisation

# Pixels along Y and X that share a colour in 4:4:4, 4:2:2 and 4:2:0.
_COLOUR_FACTORS = ((1, 1), (1, 2), (2, 2))


def read_numpy(path: Path, check_memory: Callable[[int], None]) -> Image:
    mapped = np.load(path, mmap_mode="r", allow_pickle=False)
    if not isinstance(mapped, np.ndarray):
        mapped.close()
        raise FileFormatError(f"Got {path}, an archive of arrays; expected one array.")
    check_memory(mapped.nbytes)
    return Image(np.array(mapped), "")  # a file of no axes


def read_picture(path: Path, check_memory: Callable[[int], None]) -> Image:
    from imageio import v3

    content = path.read_bytes()  # imageio leaves a file open that it cannot decode
    properties = v3.improps(content, plugin="pillow")
    if properties.is_batch:
        raise FileFormatError(f"Got {path}, which has several frames; expected one picture.")
    check_memory(int(np.prod(properties.shape)) * np.dtype(properties.dtype).itemsize)
    values: NDArray[Any] = v3.imread(content, plugin="pillow")
    return as_image(values, "YXS" if values.ndim == 3 else None)


def read_quantisation(path: str | os.PathLike[str]) -> Quantisation | None:
    """Return how a JPEG file was rounded; None for any other file, and for rare kinds of JPEG.

    Parameters
    ----------
    path : path
        A file whose pixels `read_image` returns as they were decoded.

    Notes
    -----
    Of grey and of JFIF's luma and colour differences, the latter as fine as
    luma, or half as fine along X, or along both axes.
    """
    from PIL import Image as Picture
    from PIL import UnidentifiedImageError
    from PIL.JpegImagePlugin import JpegImageFile

    try:
        with Picture.open(path) as picture:
            if not isinstance(picture, JpegImageFile) or picture.mode not in ("L", "RGB"):
                return None
            tables, layers = picture.quantization, picture.layer
            stored_as_rgb = picture.info.get("adobe_transform") == 0
    except (OSError, UnidentifiedImageError):  # `read_image` says what is wrong with it
        return None
    # Of each component: its name, samples along X and Y, and table.
    samples = [(along_y, along_x) for _, along_x, along_y, _ in layers]
    factors = samples[0] if len(samples) == 3 else (1, 1)
    if stored_as_rgb or factors not in _COLOUR_FACTORS or set(samples[1:]) - {(1, 1)}:
        return None
    steps = tuple(np.reshape(tables[table], (8, 8)) for *_, table in layers)
    return Quantisation(steps, factors)


def write_numpy(path: Path, image: Image, description: str | None) -> None:
    np.save(path, np.asarray(image.data), allow_pickle=False)


def write_picture(path: Path, image: Image, description: str | None) -> None:
    from imageio import v3

    if image.dtype not in (np.uint8, np.uint16) or image.axes not in ("YX", "YXS"):
        raise FileFormatError(
            f"Got {image.dtype.name} values with axes {image.axes} for a .png; expected uint8 or "
            "uint16 and one plane. Choose .tif."
        )
    v3.imwrite(path, np.asarray(image.data))
