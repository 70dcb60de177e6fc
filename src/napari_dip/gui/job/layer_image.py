"""napari layer <-> Image: axes and voxel size in, transform and looks out. No Qt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_dip.core.image.image import Image, as_image
from napari_dip.core.image.scaling import restore_dtype
from napari_dip.errors import InputError, NapariDipError
from napari_dip.io.images import read_image, read_quantisation
from napari_dip.io.tiff.reader import mark_no_data

if TYPE_CHECKING:
    import napari.layers

    from napari_dip.core.tasks import Quantisation

# What people and readers write into `layer.axis_labels`.
_SPELLINGS = {
    "T": ("t", "time", "frame", "frames", "timepoint"),
    "C": ("c", "ch", "channel", "channels", "wavelength"),
    "Z": ("z", "depth", "plane", "planes", "slice", "slices"),
    "Y": ("y", "row", "rows", "height"),
    "X": ("x", "col", "cols", "column", "columns", "width"),
}
_LETTERS = {word: letter for letter, words in _SPELLINGS.items() for word in words}

# Taken over as they are; the transform has its own function. Without the units
# napari stops drawing in physical units for the whole viewer.
_LOOKS = (
    "units",
    "axis_labels",
    "rgb",
    "blending",
    "opacity",
    "projection_mode",
    "interpolation2d",
    "interpolation3d",
    "rendering",
)
_TIFF = (".tif", ".tiff")
# Not for RGB, which napari shows as it is.
_GREY_LOOKS = ("colormap", "gamma", "contrast_limits")


def image_of(layer: napari.layers.Image, axes: str | None = None) -> Image:
    """Return the pixels of a layer with their axes, voxel size and units.

    Parameters
    ----------
    layer : napari.layers.Image
        The finest level of a multiscale layer is taken; lazy data stay lazy.
    axes : str, optional
        One letter per dimension of the data, in place of the layer's labels.

    Raises
    ------
    InputError
        The data cannot be restored.
    AxesError
        The axes do not fit, or there are too many to be named by default.
    """
    data = layer.data[0] if layer.multiscale else layer.data
    if axes is None:
        axes = _axes(layer) + "S" * bool(getattr(layer, "rgb", False))
    image = as_image(data, axes)
    spatial = image.axes.removesuffix("S")
    steps = zip(spatial, layer.scale, layer.units, strict=False)
    known = [(axis, float(abs(step)), str(unit)) for axis, step, unit in steps]
    return replace(
        image,
        # A step of one pixel is napari's way to say that it is not known.
        voxel_size={axis: step for axis, step, unit in known if (step, unit) != (1.0, "pixel")},
        units={axis: unit for axis, _, unit in known if unit != "pixel"},
        position=_position(layer, spatial),
        source=layer.source.path or layer.name,
    )


def _position(layer: napari.layers.Image, axes: str) -> dict[str, float]:
    """Return where the first pixel of a layer is; {} if it is also turned or mirrored."""
    straight = np.allclose(layer.data_to_world([1] * layer.ndim), layer.translate + layer.scale)
    if not straight or min(layer.scale) < 0:
        return {}
    return {
        axis: float(at) for axis, at in zip(axes, layer.translate, strict=False) if float(at) != 0.0
    }


def is_its_file(layer: napari.layers.Layer) -> bool:
    """Tell whether a layer still has the pixels of its file; lazy ones are not read for that."""
    path, data = layer.source.path, layer.data
    if path is None:
        return False
    if layer.multiscale or not isinstance(data, np.ndarray):
        return True
    try:
        pixels = read_image(path).data
    except NapariDipError:
        return False
    return np.array_equal(np.squeeze(pixels), np.squeeze(data))


def with_gaps_of_file(image: Image, layer: napari.layers.Image) -> Image:
    """Return the image of a layer with NaN where its TIFF file has no data.

    napari reads the stored values alone, such as -9999 outside a survey.
    """
    path = None if layer.source.path is None else Path(layer.source.path)
    in_memory = isinstance(image.data, np.ndarray)
    if path is None or path.suffix.lower() not in _TIFF or not path.is_file() or not in_memory:
        return image
    try:
        return mark_no_data(path, image)
    except (OSError, ValueError):  # no TIFF file any more: the pixels are what counts
        return image


def quantisation_of(layer: napari.layers.Image) -> Quantisation | None:
    """Return how the JPEG file of a layer was rounded; None if its pixels are no longer those."""
    path = layer.source.path
    quantisation = None if path is None else read_quantisation(path)
    if quantisation is None or not isinstance(layer.data, np.ndarray):
        return None
    return quantisation if is_its_file(layer) else None


def _axes(layer: napari.layers.Image) -> str:
    """Return the axes of a layer, without the samples of one that napari shows as RGB."""
    named = _named_axes(layer)
    data = layer.data[0] if layer.multiscale else layer.data
    ndim = len(data.shape) - bool(getattr(layer, "rgb", False))  # Labels have none
    if named is None and ndim == 3 and data.shape[2] == 2:
        return "YXS"  # grey with opacity, as napari opens a picture of it
    return named or _default_axes(ndim)


def _named_axes(layer: napari.layers.Image) -> str | None:
    """Return the axes that the labels name, or None if they do not name them all."""
    letters = [_LETTERS.get(label.strip().lower(), "") for label in layer.axis_labels]
    if "" in letters or len(set(letters)) < len(letters) or not {"Y", "X"} <= set(letters):
        return None
    return "".join(letters)


def _default_axes(ndim: int) -> str:
    # A stand-in without memory: the guess depends on the dimensions only.
    return as_image(np.broadcast_to(np.uint8(0), (1,) * ndim)).axes


def plane_of(image: Image, position: Sequence[float], *, joint: bool) -> tuple[Image, list[int]]:
    """Return one plane, with its stepped axes kept at length 1, and its origin.

    Parameters
    ----------
    image : Image
        All planes.
    position : sequence of float
        Index into the image's array, as the sliders give it; the entries of
        the axes that are kept whole are ignored.
    joint : bool
        Keep all channels.

    Returns
    -------
    plane : Image
        Same axes: the plane stays at its place in the stack.
    origin : list of int
        Index of its first pixel.
    """
    kept = {"Y", "X", "S"} | ({"C"} if joint else set())
    origin = [
        0 if axis in kept else round(float(at))
        for axis, at in zip(image.axes, [*position, 0], strict=False)
    ]
    if any(not 0 <= at < size for at, size in zip(origin, image.shape, strict=True)):
        raise InputError(
            f"Got sliders at {origin}, outside an image of shape {image.shape}; expected a "
            "plane of it. Move the sliders, or restore all planes."
        )
    selection = tuple(
        slice(None) if axis in kept else slice(at, at + 1)
        for axis, at in zip(image.axes, origin, strict=True)
    )
    return image.cut(selection), origin


def result_kwargs(
    layer: napari.layers.Image,
    task: str,
    origin: Sequence[int] | None = None,
    factors: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    """Return what `viewer.add_image` needs to put a result over its source.

    Parameters
    ----------
    layer : napari.layers.Image
        The source.
    task : str
        FitCheckpoint of the name.
    origin : sequence of int, optional
        Index in the source of the result's first pixel.
    factors : mapping of str to int, optional
        How many times more pixels the result has, along Y and X.

    Returns
    -------
    dict
        Name, transform, units, axis labels and looks. Plain copies: the
        source may be changed or deleted afterwards.
    """
    kwargs = {name: getattr(layer, name) for name in _LOOKS}
    if not layer.rgb:
        kwargs |= {name: getattr(layer, name) for name in _GREY_LOOKS}
    return {
        **kwargs,
        **_transform(layer, origin, factors or {}),
        "name": f"{layer.name}_{task}",
        "multiscale": False,
    }


def residual_kwargs(layer: napari.layers.Image, residual: NDArray[Any]) -> dict[str, Any]:
    """Return what `viewer.add_image` needs to lay a residual over a result.

    Its colours part at 0, and are as bright for too much as for too little.
    """
    kwargs = result_kwargs(layer, "residual")
    finite = np.abs(residual[np.isfinite(residual)])
    limit = float(np.percentile(finite, 99.5)) if finite.size else 0.0
    limit = limit or 1.0
    if residual.ndim > layer.ndim:  # the samples of RGB are channels here
        return kwargs | {"rgb": True}
    colours = {"colormap": "PiYG", "gamma": 1.0, "contrast_limits": (-limit, limit)}
    return kwargs | colours


def placed_kwargs(layer: napari.layers.Image, name: str) -> dict[str, Any]:
    """Return what puts a new layer of any kind over an image; `name` ends its name."""
    placed = ("scale", "translate", "rotate", "shear", "affine", "units", "axis_labels", "name")
    kwargs = result_kwargs(layer, name)
    return {name: kwargs[name] for name in placed}


def mask_kwargs(layer: napari.layers.Image) -> dict[str, Any]:
    """Return what `viewer.add_labels` needs for an empty mask over an image."""
    data = layer.data[0] if layer.multiscale else layer.data
    return {**placed_kwargs(layer, "mask"), "data": np.zeros(data.shape[: layer.ndim], np.uint8)}


def _transform(
    layer: napari.layers.Image, origin: Sequence[int] | None, factors: Mapping[str, int]
) -> dict[str, Any]:
    first = list(origin or [])[: layer.ndim] or [0] * layer.ndim
    # What holds for the pixels holds for the layer, unless its labels say otherwise.
    axes = _axes(layer)
    finer = np.array([factors.get(axis, 1) for axis in axes])
    # The centre of the first small pixel lies half a small pixel from the edge.
    first = first - (finer - 1) / (2 * finer)
    offset = np.subtract(layer.data_to_world(first), layer.data_to_world([0] * layer.ndim))
    return {
        "scale": layer.scale / finer,
        # napari applies the affine after the translation.
        "translate": layer.translate + np.linalg.solve(layer.affine.linear_matrix, offset),
        "rotate": np.array(layer.rotate),
        "shear": np.array(layer.shear),
        "affine": np.array(layer.affine.affine_matrix),
    }


def shown_dtype(image: Image) -> np.dtype[Any]:
    """Return the dtype of a result layer.

    float32, as everywhere, but RGB keeps its dtype: napari shows floats
    beyond 0 to 1 as white.
    """
    return image.dtype if image.rgb else np.dtype(np.float32)


def as_shown(values: NDArray[Any], image: Image) -> NDArray[Any]:
    """Return values of a result as its layer shows them, without wrapping."""
    dtype = shown_dtype(image)
    return values if values.dtype == dtype else restore_dtype(values, dtype)
