"""Colours of TIFF files: palettes, inverted grey values, opacity, and samples as channels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray
from tifffile import EXTRASAMPLE, PHOTOMETRIC

from napari_dip.errors import InputError

_READ = (
    PHOTOMETRIC.MINISWHITE,
    PHOTOMETRIC.MINISBLACK,
    PHOTOMETRIC.RGB,
    PHOTOMETRIC.PALETTE,
    PHOTOMETRIC.MASK,
    34892,  # linear raw of DNG: grey or linear colours
    51177,  # depth map
)
# Compressions whose decoders convert YCbCr to RGB.
_DECODED_TO_RGB = (6, 7, 33003, 33007, 50001)
_OPACITY = (EXTRASAMPLE.ASSOCALPHA, EXTRASAMPLE.UNASSALPHA)


def check_colours(path: Path, page: tifffile.TiffPage) -> None:
    """Raise an error for colours that are neither grey nor RGB, such as CMYK."""
    colours = page.photometric
    is_ycbcr = colours == PHOTOMETRIC.YCBCR
    decoded = is_ycbcr and page.compression in _DECODED_TO_RGB and page.planarconfig == 1
    if colours not in _READ and not decoded:
        name = colours.name if isinstance(colours, PHOTOMETRIC) else str(colours)
        raise InputError(
            f"Got {path} with {name} colours; expected grey values or RGB. Convert it to RGB, "
            "for example in Fiji or GIMP."
        )


def invert_white_is_zero(
    page: tifffile.TiffPage, values: NDArray[Any]
) -> tuple[NDArray[Any], str | None]:
    """Return values inverted if the file marks 0 as white, and a warning.

    In files of ImageJ and OME the mark only concerns the display, so measured values are
    kept.
    """
    if page.photometric != PHOTOMETRIC.MINISWHITE or _is_measured(page):
        return values, None
    if values.dtype == bool:
        return ~values, None
    if values.dtype.kind != "u":
        return values, (
            "The file marks 0 as white, but its values have no upper limit to invert them; the "
            "stored values are restored."
        )
    largest = values.dtype.type(2**page.bitspersample - 1)
    return largest - values, (
        "The file marks 0 as white: the values are inverted, so that larger values are brighter."
    )


def _is_measured(page: tifffile.TiffPage) -> bool:
    """Return whether palette and inverted scale concern the display only."""
    return bool(page.is_imagej or page.is_ome)


def arrange_samples(
    page: tifffile.TiffPage, values: NDArray[Any], axes: str
) -> tuple[NDArray[Any], str]:
    """Return values with colours as the last axis S, and other samples as the axis C.

    Parameters
    ----------
    page : TiffPage
        First page.
    values : (...) array
        Stored values.
    axes : str
        One letter per dimension; S, if present, may be before Y or last.
    """
    if "S" not in axes:
        return values, axes
    at = axes.index("S")
    rest = axes.replace("S", "")
    if _is_rgb(page) or _is_grey_with_opacity(page):
        return np.moveaxis(values, at, -1), rest + "S"
    first = rest.index("C") + 1 if "C" in rest else rest.index("Y")
    values = np.moveaxis(values, at, first)
    if "C" not in rest:
        return values, f"{rest[:first]}C{rest[first:]}"
    shape = (*values.shape[: first - 1], -1, *values.shape[first + 1 :])
    return values.reshape(shape), rest


def _is_rgb(page: tifffile.TiffPage) -> bool:
    extra = tuple(page.extrasamples)
    coloured = page.photometric in (PHOTOMETRIC.RGB, PHOTOMETRIC.YCBCR)
    return coloured and (page.samplesperpixel, extra[:1]) in (
        (3, ()),
        *((4, (opacity,)) for opacity in _OPACITY),
    )


def _is_grey_with_opacity(page: tifffile.TiffPage) -> bool:
    extra = tuple(page.extrasamples)
    return page.samplesperpixel == 2 and len(extra) == 1 and extra[0] in _OPACITY


def undo_premultiplication(
    page: tifffile.TiffPage, values: NDArray[Any], axes: str
) -> tuple[NDArray[Any], str, str | None]:
    """Divide colours by premultiplied opacity, and drop the opacity of grey values.

    Returns
    -------
    values, axes
        RGBA with straight opacity, or grey values.
    warning : str or None
        Warning if an opacity below the maximum is dropped.
    """
    if "S" not in axes or values.shape[-1] not in (2, 4):
        return values, axes, None
    maximum = np.iinfo(values.dtype).max if values.dtype.kind in "iu" else 1.0
    opacity = values[..., -1:]
    if page.extrasamples[0] == EXTRASAMPLE.ASSOCALPHA and (opacity != maximum).any():
        share = opacity.astype(np.float64) / maximum
        colours = np.divide(
            values[..., :-1], share, out=np.zeros(values[..., :-1].shape), where=share > 0
        )
        colours = np.clip(np.rint(colours) if values.dtype.kind in "iu" else colours, 0, maximum)
        values = np.concatenate([colours.astype(values.dtype), opacity], axis=-1)
    if values.shape[-1] == 4:
        return values, axes, None
    warning = None
    if (opacity != maximum).any():
        warning = "The opacity of the grey values is ignored."
    return values[..., 0], axes[:-1], warning


def apply_palette(
    page: tifffile.TiffPage, values: NDArray[Any], axes: str
) -> tuple[NDArray[Any], str, str | None]:
    """Return the colours of a palette for stored indices, their axes, and a warning.

    A palette of greys gives grey values. In files of ImageJ and OME the palette only
    concerns the display, so measured values are kept.
    """
    table = page.colormap
    if page.photometric != PHOTOMETRIC.PALETTE or table is None or _is_measured(page):
        return values, axes, None
    colours = np.asarray(table).T  # (entries, 3), 16 bits each
    if (colours % 257 == 0).all() or (colours % 256 == 0).all():
        colours = (colours >> 8).astype(np.uint8)
    if (colours == colours[:, :1]).all():
        return colours[values, 0], axes, None
    return (
        colours[values],
        f"{axes}S",
        "The file has a palette: its colours are restored, not the stored indices.",
    )
