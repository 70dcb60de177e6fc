"""Names and colours of channels in OME-XML and in the slice labels of ImageJ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from xml.etree import ElementTree

    from napari_dip.core.image.image import Image


def ome_channels(pixels: ElementTree.Element) -> dict[str, tuple[str, ...]]:
    """Return names and colours of channels in the OME element Pixels, as fields of an Image."""
    channels = [child for child in pixels if child.tag.endswith("Channel")]
    names = tuple(channel.get("Name", "") for channel in channels)
    colours = tuple(_rgb(channel.get("Color")) for channel in channels)
    return {
        "channel_names": names if any(names) else (),
        "channel_colours": colours if any(colours) else (),
    }


def _rgb(colour: str | None) -> str:
    """Return RRGGBB for a signed 32-bit RGBA value of OME; "" if unknown."""
    try:
        return "" if colour is None else f"{(int(colour) & 0xFFFFFFFF) >> 8:06X}"
    except ValueError:
        return ""


def ome_channel_entries(image: Image) -> dict[str, Any]:
    """Return the metadata from which tifffile writes channels into OME-XML."""
    entries: dict[str, Any] = {}
    if any(image.channel_names):
        entries["Name"] = list(image.channel_names)
    if image.channel_colours and all(image.channel_colours):
        rgba = [int(colour + "FF", 16) for colour in image.channel_colours]
        entries["Color"] = [value - 2**32 if value >= 2**31 else value for value in rgba]
    return {"Channel": entries} if entries else {}


def imagej_labels(image: Image, axes: str, shape: Sequence[int]) -> dict[str, Any]:
    """Return ImageJ slice labels: for each plane the name of its channel."""
    if not any(image.channel_names):
        return {}
    channel = axes.index("C")
    planes = np.ndindex(*shape[: axes.index("Y")])
    return {"Labels": [image.channel_names[plane[channel]] for plane in planes]}


def channel_names_of_labels(
    entries: Mapping[str, Any], axes: str, shape: Sequence[int]
) -> dict[str, tuple[str, ...]]:
    """Return channel names from ImageJ slice labels if all planes of a channel share a label."""
    labels = entries.get("Labels")
    leading = tuple(shape[: axes.index("Y")])
    if not isinstance(labels, list) or "C" not in axes or len(labels) != np.prod(leading):
        return {}
    by_channel = np.moveaxis(np.reshape(labels, leading), axes.index("C"), 0)
    rows = by_channel.reshape(len(by_channel), -1)
    names = tuple(str(row[0]) for row in rows)
    shared = all((row == row[0]).all() for row in rows)
    return {"channel_names": names} if shared and len(set(names)) == len(names) else {}
