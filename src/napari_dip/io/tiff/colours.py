"""Colours of a TIFF file: palettes, white as zero, opacity, and samples that are channels."""

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
    34892,  # linear raw of DNG: grey or colours without a curve
    51177,  # depth map
)
# Compressions whose decoders return RGB for luma and colour differences.
_DECODED_TO_RGB = (6, 7, 33003, 33007, 50001)
_OPACITY = (EXTRASAMPLE.ASSOCALPHA, EXTRASAMPLE.UNASSALPHA)


def check_colours(path: Path, page: tifffile.TiffPage) -> None:
    """Refuse colours that are neither grey values nor RGB, such as four inks."""
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
    """Return values of which larger ones are brighter, and a warning if they were inverted.

    In files of ImageJ and OME an inverted scale is a way to display measured values, which
    stay as they are.
    """
    if page.photometric != PHOTOMETRIC.MINISWHITE or _is_measured(page):
        return values, None
    if values.dtype == bool:
        return ~values, None
    if values.dtype.kind != "u":
        return values, (
            "The file marks 0 as white, which has no largest value to invert from; the stored "
            "values are restored."
        )
    largest = values.dtype.type(2**page.bitspersample - 1)
    return largest - values, (
        "The file marks 0 as white: values were inverted, so that larger ones are brighter."
    )


def _is_measured(page: tifffile.TiffPage) -> bool:
    """Return whether colour table and inverted scale are for display only."""
    return bool(page.is_imagej or page.is_ome)


def arrange_samples(
    page: tifffile.TiffPage, values: NDArray[Any], axes: str
) -> tuple[NDArray[Any], str]:
    """Return colours as the last axis, and samples that are no colours as the axis C.

    Parameters
    ----------
    page : TiffPage
        First page.
    values : array
        One dimension for each letter of `axes`.
    axes : str
        S where a pixel has samples; stored plane by plane, they come before Y.
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
    """Return colours that opacity does not darken, without the opacity of grey values.

    Returns
    -------
    values, axes
        RGBA as it is usual, or grey values.
    warning : str or None
        When an opacity that is not full was dropped.
    """
    if "S" not in axes or values.shape[-1] not in (2, 4):
        return values, axes, None
    whole = np.iinfo(values.dtype).max if values.dtype.kind in "iu" else 1.0
    opacity = values[..., -1:]
    if page.extrasamples[0] == EXTRASAMPLE.ASSOCALPHA and (opacity != whole).any():
        share = opacity.astype(np.float64) / whole
        colours = np.divide(
            values[..., :-1], share, out=np.zeros(values[..., :-1].shape), where=share > 0
        )
        colours = np.clip(np.rint(colours) if values.dtype.kind in "iu" else colours, 0, whole)
        values = np.concatenate([colours.astype(values.dtype), opacity], axis=-1)
    if values.shape[-1] == 4:
        return values, axes, None
    warning = None
    if (opacity != whole).any():
        warning = "The opacity of the grey values was left out."
    return values[..., 0], axes[:-1], warning


def apply_palette(
    page: tifffile.TiffPage, values: NDArray[Any], axes: str
) -> tuple[NDArray[Any], str, str | None]:
    """Return the colours of a palette for the indices of a plain file, and a warning.

    A palette of greys gives grey values. In files of ImageJ and OME a palette is a way to
    display measured values, which stay as they are.
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
        "The file has a palette: its colours are restored, not the indices into it.",
    )
