"""PNG and JPEG by imageio, arrays of NumPy: pixels, and nothing about them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_dip.core.image import Image, as_image
from napari_dip.errors import FileFormatError


def read_numpy(path: Path, check_memory: Callable[[int], None]) -> Image:
    mapped = np.load(path, mmap_mode="r", allow_pickle=False)
    check_memory(mapped.nbytes)
    return as_image(np.array(mapped))


def read_picture(path: Path, check_memory: Callable[[int], None]) -> Image:
    from imageio import v3

    content = path.read_bytes()  # imageio leaves a file open that it cannot decode
    properties = v3.improps(content, plugin="pillow")
    check_memory(int(np.prod(properties.shape)) * np.dtype(properties.dtype).itemsize)
    values: NDArray[Any] = v3.imread(content, plugin="pillow")
    return as_image(values, "YXS" if values.ndim == 3 else None)


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
