"""PNG, JPEG and WebP pictures by Pillow and imagecodecs, and quantisation tables of JPEG."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_dip.core.image.image import Image, as_image
from napari_dip.core.tasks import Quantisation
from napari_dip.errors import FileFormatError

if TYPE_CHECKING:
    import PIL.Image

# Pixels along (Y, X) that share a colour difference in 4:4:4, 4:2:2 and 4:2:0.
_SUBSAMPLINGS = ((1, 1), (1, 2), (2, 2))
# Side of the blocks that JPEG transforms and rounds [pixels].
_BLOCK = 8


class _Orientation(NamedTuple):
    """Steps that turn stored pixels upright: swap Y and X, then flip axes.

    Attributes
    ----------
    swapped : bool
        Whether Y and X are swapped first.
    flipped : tuple of int
        Axes to flip afterwards.
    """

    swapped: bool
    flipped: tuple[int, ...]

    def __call__(self, values: NDArray[Any]) -> NDArray[Any]:
        """Turn stored pixels (Y, X[, S]) upright."""
        swapped = values.swapaxes(0, 1) if self.swapped else values
        return np.ascontiguousarray(np.flip(swapped, self.flipped))


# Keys are values of the EXIF tag Orientation.
_ORIENTATIONS = {
    1: _Orientation(False, ()),
    2: _Orientation(False, (1,)),
    3: _Orientation(False, (0, 1)),
    4: _Orientation(False, (0,)),
    5: _Orientation(True, ()),
    6: _Orientation(True, (1,)),
    7: _Orientation(True, (0, 1)),
    8: _Orientation(True, (0,)),
}


def read_picture(path: Path, check_memory: Callable[[int], None]) -> Image:
    """Read a PNG, JPEG or WebP picture and turn it upright by its EXIF orientation.

    Parameters
    ----------
    path : Path
        File with one picture, or a JPEG with previews (MPO), of which the first is read.
    check_memory : callable
        Function called with the size of the image [bytes] before it is read.
    """
    from PIL import Image as Picture

    content = path.read_bytes()
    with Picture.open(BytesIO(content)) as picture:
        if getattr(picture, "n_frames", 1) > 1 and picture.format != "MPO":
            raise FileFormatError(f"Got {path}, which has several frames; expected one picture.")
        deep = _has_16_bits(content)
        samples = len(picture.getbands()) + picture.has_transparency_data
        check_memory(picture.width * picture.height * samples * (2 if deep else 1))
        values = _decoded_16_bits(content) if deep else _decoded_8_bits(picture)
        image = as_image(_orientation(picture)(values), "YXS" if values.ndim == 3 else None)
        if picture.mode == "CMYK":
            warning = "The CMYK colours were converted to RGB without a colour profile."
            return replace(image, warnings=(warning,))
    return image


def _has_16_bits(content: bytes) -> bool:
    """Return whether this is a PNG of 16 bits per sample; Pillow reduces its colours to 8."""
    return content[:8] == b"\x89PNG\r\n\x1a\n" and content[24:25] == b"\x10"


def _decoded_16_bits(content: bytes) -> NDArray[Any]:
    import imagecodecs

    values: NDArray[Any] = imagecodecs.png_decode(content)
    return values


def _decoded_8_bits(picture: PIL.Image.Image) -> NDArray[Any]:
    """Return grey or colour values, with palette and transparent colour applied."""
    if picture.mode in ("P", "PA", "L", "RGB") and picture.has_transparency_data:
        return np.asarray(picture.convert("LA" if picture.mode == "L" else "RGBA"))
    return np.asarray(picture.convert("RGB") if picture.mode in ("P", "CMYK") else picture)


def _orientation(picture: PIL.Image.Image) -> _Orientation:
    from PIL.ExifTags import Base

    return _ORIENTATIONS.get(picture.getexif().get(Base.Orientation, 1), _ORIENTATIONS[1])


def read_quantisation(path: str | os.PathLike[str]) -> Quantisation | None:
    """Return the quantisation of a JPEG file; None for any other file or unusual JPEG.

    Parameters
    ----------
    path : path
        File that `read_image` can read.

    Notes
    -----
    Grey and JFIF colours (luma and two colour differences) are supported, with the
    colour differences at full resolution, at half along X, or at half along both axes.
    The tables are turned with the picture if `read_image` turns it upright. None is
    returned for a flipped picture whose side is no multiple of a block, because its
    blocks do not start at the first pixel.
    """
    from PIL import Image as Picture
    from PIL import UnidentifiedImageError
    from PIL.JpegImagePlugin import JpegImageFile

    try:
        with Picture.open(path) as picture:
            if not isinstance(picture, JpegImageFile) or picture.mode not in ("L", "RGB"):
                return None
            tables, layers = picture.quantization, picture.layer
            shape, turn = (picture.height, picture.width), _orientation(picture)
            stored_as_rgb = picture.info.get("adobe_transform") == 0
    except (OSError, UnidentifiedImageError):  # `read_image` raises the error for the user
        return None
    # Each layer is (name, samples along X, samples along Y, table).
    samples = [(along_y, along_x) for _, along_x, along_y, _ in layers]
    factors = samples[0] if len(samples) == 3 else (1, 1)
    if stored_as_rgb or factors not in _SUBSAMPLINGS or set(samples[1:]) - {(1, 1)}:
        return None
    steps = tuple(np.reshape(tables[table], (8, 8)) for *_, table in layers)
    if turn.swapped:
        shape, factors, steps = shape[::-1], factors[::-1], tuple(step.T for step in steps)
    if any(shape[axis] % (_BLOCK * factors[axis]) for axis in turn.flipped):
        return None
    return Quantisation(steps, factors)


def write_picture(path: Path, image: Image, description: str | None) -> None:
    """Write a plane of uint8 or uint16 to a PNG file, without the description."""
    import imagecodecs

    samples = image.shape[-1] if image.rgb else 1
    if image.dtype not in (np.uint8, np.uint16) or image.axes not in ("YX", "YXS") or samples > 4:
        raise FileFormatError(
            f"Got {image.dtype.name} values with axes {image.axes} for .png; expected one plane of "
            "uint8 or uint16. Choose .tif."
        )
    path.write_bytes(imagecodecs.png_encode(np.ascontiguousarray(image.data)))
