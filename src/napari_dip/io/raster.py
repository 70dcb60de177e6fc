"""PNG, JPEG and WebP by Pillow and imagecodecs, arrays of NumPy; and how a JPEG was rounded."""

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

# Pixels along Y and X that share a colour in 4:4:4, 4:2:2 and 4:2:0.
_COLOUR_FACTORS = ((1, 1), (1, 2), (2, 2))
# Side of the square whose cosine coefficients a JPEG file rounds [pixels].
_BLOCK = 8


def read_numpy(path: Path, check_memory: Callable[[int], None]) -> Image:
    mapped = np.load(path, mmap_mode="r", allow_pickle=False)
    if not isinstance(mapped, np.ndarray):
        mapped.close()
        raise FileFormatError(f"Got {path}, an archive of arrays; expected one array.")
    check_memory(mapped.nbytes)
    return Image(np.array(mapped), "")  # a file of no axes


class _Orientation(NamedTuple):
    """How stored pixels become upright: rows and columns change places, then axes are flipped."""

    swapped: bool
    flipped: tuple[int, ...]

    def __call__(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return stored pixels (Y, X[, S]) upright."""
        turned = values.swapaxes(0, 1) if self.swapped else values
        return np.ascontiguousarray(np.flip(turned, self.flipped))


# By the value of the EXIF tag Orientation.
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
    """Read a PNG, JPEG or WebP picture upright, as its EXIF orientation says.

    Parameters
    ----------
    path : Path
        File with one picture; of a JPEG with previews (MPO) the first picture is read.
    check_memory : callable
        Called with the size of the image [bytes] before it is read.
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
            warning = "Four inks (CMYK) became red, green and blue without a colour profile."
            return replace(image, warnings=(warning,))
    return image


def _has_16_bits(content: bytes) -> bool:
    """Tell whether this is a PNG of 16 bits a sample: Pillow keeps 8 of them in colours."""
    return content[:8] == b"\x89PNG\r\n\x1a\n" and content[24:25] == b"\x10"


def _decoded_16_bits(content: bytes) -> NDArray[Any]:
    import imagecodecs

    values: NDArray[Any] = imagecodecs.png_decode(content)
    return values


def _decoded_8_bits(picture: PIL.Image.Image) -> NDArray[Any]:
    """Return grey or colour values; a palette or a transparent colour is resolved."""
    if picture.mode in ("P", "PA", "L", "RGB") and picture.has_transparency_data:
        return np.asarray(picture.convert("LA" if picture.mode == "L" else "RGBA"))
    return np.asarray(picture.convert("RGB") if picture.mode in ("P", "CMYK") else picture)


def _orientation(picture: PIL.Image.Image) -> _Orientation:
    from PIL.ExifTags import Base

    return _ORIENTATIONS.get(picture.getexif().get(Base.Orientation, 1), _ORIENTATIONS[1])


def read_quantisation(path: str | os.PathLike[str]) -> Quantisation | None:
    """Return how a JPEG file was rounded; None for any other file, and for rare kinds of JPEG.

    Parameters
    ----------
    path : path
        A file whose pixels `read_image` returns as they were decoded.

    Notes
    -----
    Of grey and of JFIF's luma and colour differences, the latter as fine as
    luma, or half as fine along X, or along both axes. The tables of a picture
    that `read_image` turns upright are turned as well. The blocks of a flipped
    picture begin at its first pixel only if its side is a multiple of a block;
    otherwise None is returned.
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
    except (OSError, UnidentifiedImageError):  # `read_image` says what is wrong with it
        return None
    # Of each component: its name, samples along X and Y, and table.
    samples = [(along_y, along_x) for _, along_x, along_y, _ in layers]
    factors = samples[0] if len(samples) == 3 else (1, 1)
    if stored_as_rgb or factors not in _COLOUR_FACTORS or set(samples[1:]) - {(1, 1)}:
        return None
    steps = tuple(np.reshape(tables[table], (8, 8)) for *_, table in layers)
    if turn.swapped:
        shape, factors, steps = shape[::-1], factors[::-1], tuple(step.T for step in steps)
    if any(shape[axis] % (_BLOCK * factors[axis]) for axis in turn.flipped):
        return None
    return Quantisation(steps, factors)


def write_numpy(path: Path, image: Image, description: str | None) -> None:
    np.save(path, np.asarray(image.data), allow_pickle=False)


def write_picture(path: Path, image: Image, description: str | None) -> None:
    import imagecodecs

    samples = image.shape[-1] if image.rgb else 1
    if image.dtype not in (np.uint8, np.uint16) or image.axes not in ("YX", "YXS") or samples > 4:
        raise FileFormatError(
            f"Got {image.dtype.name} values with axes {image.axes} for a .png; expected uint8 or "
            "uint16 and one plane. Choose .tif."
        )
    path.write_bytes(imagecodecs.png_encode(np.ascontiguousarray(image.data)))
