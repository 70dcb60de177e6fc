"""A PSF layer from a layer of beads. No Qt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_dip.core.image.image import Image
from napari_dip.core.image.units import unit_symbol
from napari_dip.gui.job.layer_image import image_of
from napari_dip.gui.job.origin import result_metadata

if TYPE_CHECKING:
    import napari.layers

    from napari_dip.core.operators.psf.beads import MeasuredPsf


def bead_image(layer: napari.layers.Image, point: Sequence[float]) -> Image:
    """Return the plane or stack of a layer at the sliders, without channels and frames.

    Parameters
    ----------
    layer : napari.layers.Image
        Layer of beads.
    point : sequence of float
        Position of the sliders, in world coordinates.
    """
    image = image_of(layer)
    at = [*layer.world_to_data(point[-layer.ndim :]), 0]
    selection = []
    for axis, size, index in zip(image.axes, image.shape, at, strict=False):
        place = min(max(round(float(index)), 0), size - 1)
        selection.append(slice(place, place + 1) if axis in "TC" else slice(None))
    return image.cut(tuple(selection))


def psf_kwargs(measured: MeasuredPsf, layer: napari.layers.Image) -> dict[str, Any]:
    """Return the arguments of `viewer.add_image` for a measured PSF, hidden and named by its beads.

    The layer counts as a result: it is not offered as an image to restore.
    """
    psf = measured.psf
    axes = image_of(layer).axes
    # The units of the layer, with which napari draws all layers; the metadata have the true ones.
    placed = dict(zip(axes, zip(layer.scale, layer.units, strict=True), strict=False))
    scale, units = zip(*(placed[axis] for axis in psf.axes), strict=True)
    return {
        "data": psf.data,
        "name": f"{layer.name}_psf",
        "axis_labels": tuple(psf.axes.lower()),
        "scale": np.abs(scale),
        "units": units,
        "visible": False,
        "metadata": result_metadata(psf, {}),
    }


def summary(measured: MeasuredPsf) -> str:
    """Return the number of beads, the widths and the warnings in words.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_dip.core.operators.psf.beads import MeasuredPsf
    >>> psf = Image(np.ones((3, 3)), "YX")
    >>> summary(MeasuredPsf(psf, 7, {"saturated": 2}, {"Y": 0.25, "X": 0.24}, "micrometer"))
    '7 beads averaged, 2 refused (2 saturated). FWHM: y 0.25, x 0.24 µm.'
    """
    refused = ", ".join(f"{n} {reason}" for reason, n in measured.refused.items())
    total = sum(measured.refused.values())
    left_out = f", {total} refused ({refused})" if total else ""
    widths = ", ".join(f"{axis.lower()} {width:.3g}" for axis, width in measured.fwhm.items())
    beads = "bead" if measured.used == 1 else "beads"
    unit = unit_symbol(measured.unit)
    sentence = f"{measured.used} {beads} averaged{left_out}. FWHM: {widths} {unit}."
    return " ".join([sentence, *measured.warnings])
