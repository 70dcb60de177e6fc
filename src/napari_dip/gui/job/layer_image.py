"""Conversion of napari layers to images, and the arguments of result layers. No Qt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_dip.core.image.image import Image, as_image
from napari_dip.core.image.scaling import restore_dtype
from napari_dip.errors import InputError
from napari_dip.gui.job.origin import finest, is_result, origin_of, result_metadata

if TYPE_CHECKING:
    import napari.layers

# Spellings of axes in `layer.axis_labels`, by users and file readers.
_SPELLINGS = {
    "T": ("t", "time", "frame", "frames", "timepoint"),
    "C": ("c", "ch", "channel", "channels", "wavelength"),
    "Z": ("z", "depth", "plane", "planes", "slice", "slices"),
    "Y": ("y", "row", "rows", "height"),
    "X": ("x", "col", "cols", "column", "columns", "width"),
}
_LETTERS = {word: letter for letter, words in _SPELLINGS.items() for word in words}

# Copied to the result; `_transform` handles the transform. Without the units napari
# stops drawing in physical units for the whole viewer.
_APPEARANCE = (
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
# Not for RGB, which has no colormap.
_GREY_APPEARANCE = ("colormap", "gamma", "contrast_limits")


def image_of(layer: napari.layers.Image, axes: str | None = None) -> Image:
    """Return the pixels of a layer with their axes, voxel size and units.

    Parameters
    ----------
    layer : napari.layers.Image
        Layer; of a multiscale layer the finest level is used. Lazy data stay lazy.
    axes : str, optional
        One letter for each dimension of the data (default: the axis labels of the layer).

    Raises
    ------
    InputError
        The data cannot be restored.
    AxesError
        The axes do not fit, or the data have too many dimensions for default axes.
    """
    data = finest(layer)
    if axes is None:
        axes = _axes(layer) + "S" * bool(getattr(layer, "rgb", False))
    image = as_image(data, axes)
    spatial = image.axes.removesuffix("S")
    steps = zip(spatial, layer.scale, layer.units, strict=False)
    spacing = [(axis, float(abs(step)), str(unit)) for axis, step, unit in steps]
    # A step of 1 pixel is napari's default for an unknown spacing.
    voxel_size = {axis: step for axis, step, unit in spacing if (step, unit) != (1.0, "pixel")}
    units = {axis: unit for axis, _, unit in spacing if unit != "pixel"}
    # A scale without a unit, which a result has from its source, is no voxel size.
    scaled = bool(units if is_result(layer) else voxel_size)
    origin = origin_of(layer)
    acquisition = None if origin is None or origin.axes != image.axes else origin.acquisition
    if origin is not None and not scaled:
        pairs = zip(origin.axes, image.axes, strict=False)
        same = [axis for axis, given in pairs if axis == given]
        voxel_size = {axis: origin.voxel_size[axis] for axis in same if axis in origin.voxel_size}
        units = {axis: origin.units[axis] for axis in same if axis in origin.units}
    return replace(
        image,
        voxel_size=voxel_size,
        units=units,
        position=_position(layer, spatial),
        source=layer.source.path or layer.name,
        acquisition=acquisition,
    )


def _position(layer: napari.layers.Image, axes: str) -> dict[str, float]:
    """Return the position of the first pixel; {} for a rotated, sheared or mirrored layer."""
    straight = np.allclose(layer.data_to_world([1] * layer.ndim), layer.translate + layer.scale)
    if not straight or min(layer.scale) < 0:
        return {}
    return {
        axis: float(at) for axis, at in zip(axes, layer.translate, strict=False) if float(at) != 0.0
    }


def _axes(layer: napari.layers.Image) -> str:
    """Return the axes of a layer, without the samples axis of an RGB layer."""
    named = _named_axes(layer)
    data = finest(layer)
    ndim = len(data.shape) - bool(getattr(layer, "rgb", False))  # a Labels layer has no `rgb`
    origin = origin_of(layer) if named is None else None
    if origin is not None and origin.rgb == bool(getattr(layer, "rgb", False)):
        return origin.axes.removesuffix("S")
    if named is None and ndim == 3 and data.shape[2] == 2:
        return "YXS"  # napari opens a grey image with opacity as (Y, X, 2)
    return named or _default_axes(ndim)


def _named_axes(layer: napari.layers.Image) -> str | None:
    """Return the axes in the axis labels, or None if an axis has no known label."""
    letters = [_LETTERS.get(label.strip().lower(), "") for label in layer.axis_labels]
    if "" in letters or len(set(letters)) < len(letters) or not {"Y", "X"} <= set(letters):
        return None
    return "".join(letters)


def _default_axes(ndim: int) -> str:
    # An array of one element is enough: the guess depends only on the dimensions.
    return as_image(np.broadcast_to(np.uint8(0), (1,) * ndim)).axes


def plane_of(image: Image, position: Sequence[float], *, joint: bool) -> tuple[Image, list[int]]:
    """Return one plane, with size 1 along the axes of the sliders, and its origin.

    Parameters
    ----------
    image : Image
        Image with all planes.
    position : sequence of float
        Index into the array of the image, from the sliders; the entries of
        Y, X and other axes that are kept whole are ignored.
    joint : bool
        Keep all channels.

    Returns
    -------
    plane : Image
        Plane with all axes of the image.
    origin : list of int
        Index of the first pixel of the plane in the image.

    Raises
    ------
    InputError
        The sliders are outside the image.
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
    image: Image | None = None,
) -> dict[str, Any]:
    """Return the arguments of `viewer.add_image` that put a result over its source.

    Parameters
    ----------
    layer : napari.layers.Image
        Source.
    task : str
        Suffix of the name.
    origin : sequence of int, optional
        Index in the source of the first pixel of the result (default: 0).
    factors : mapping of str to int, optional
        Ratio of the pixels of the result and of the source, by axis (default: 1).
    image : Image, optional
        Image that is restored, with its axes and voxel size (default: those of the layer).

    Returns
    -------
    dict
        Name, transform, units, axis labels, appearance and metadata, as copies: the
        source may change or be deleted.
    """
    kwargs = {name: getattr(layer, name) for name in _APPEARANCE}
    if not layer.rgb:
        kwargs |= {name: getattr(layer, name) for name in _GREY_APPEARANCE}
    return {
        **kwargs,
        **_transform(layer, origin, factors or {}),
        "name": f"{layer.name}_{task}",
        "multiscale": False,
        "metadata": result_metadata(image or image_of(layer), factors or {}),
    }


def placed_kwargs(layer: napari.layers.Image, name: str) -> dict[str, Any]:
    """Return the arguments that put a layer of any kind over an image; `name` is the suffix."""
    placed = ("scale", "translate", "rotate", "shear", "affine", "units", "axis_labels", "name")
    kwargs = result_kwargs(layer, name)
    return {name: kwargs[name] for name in placed}


def mask_kwargs(layer: napari.layers.Image) -> dict[str, Any]:
    """Return the arguments of `viewer.add_labels` for an empty mask over an image."""
    shape = finest(layer).shape[: layer.ndim]
    return {**placed_kwargs(layer, "mask"), "data": np.zeros(shape, np.uint8)}


def file_kwargs(image: Image, name: str) -> dict[str, Any]:
    """Return the arguments of `viewer.add_image` for the image of a file, with its calibration."""
    axes = image.axes.removesuffix("S")
    return {
        "data": image.data,
        "name": name,
        "rgb": image.rgb,
        "axis_labels": tuple(axes.lower()),
        "scale": [image.voxel_size.get(axis, 1.0) for axis in axes],
        "units": [image.units.get(axis, "pixel") for axis in axes],
    }


def _transform(
    layer: napari.layers.Image, origin: Sequence[int] | None, factors: Mapping[str, int]
) -> dict[str, Any]:
    first = list(origin or [])[: layer.ndim] or [0] * layer.ndim
    axes = _axes(layer)
    finer = np.array([factors.get(axis, 1) for axis in axes])
    # The first small pixel starts at the edge of the first large one: shift its centre.
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
    """Return the dtype of a result layer: float32, or the image's own for RGB.

    napari shows RGB values above 1 in a float array as white.
    """
    return image.dtype if image.rgb else np.dtype(np.float32)


def as_shown(values: NDArray[Any], image: Image) -> NDArray[Any]:
    """Return values of a result in the dtype of its layer, clipped to its range."""
    dtype = shown_dtype(image)
    return values if values.dtype == dtype else restore_dtype(values, dtype)
