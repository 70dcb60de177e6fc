"""Axis letters of an array: the defaults, and the check that they match its shape."""

from __future__ import annotations

from napari_dip.errors import AxesError, Hint

KNOWN_AXES = "TCZYXS"
# Lengths of a last axis that may hold red, green, blue and opacity.
_COLOURS = (3, 4)
_DEFAULT_AXES = {2: "YX", 3: "ZYX", 4: "TZYX", 5: "TZCYX"}


def guess_axes(shape: tuple[int, ...], channel_axis: int | None) -> str:
    """Return the default axis letters of an array of this shape.

    Parameters
    ----------
    shape : tuple of int
        Shape of the array.
    channel_axis : int or None
        Dimension of the channels; None if the image has no channels.

    Raises
    ------
    AxesError
        The last axis may hold colours, or the default axes are not defined.
    """
    ndim = len(shape)
    if channel_axis is None and ndim > 2 and shape[-1] in _COLOURS and shape[-2] > shape[-1]:
        raise AxesError(
            f"Got an array of shape {shape}, whose last axis may hold colours; expected "
            f"its axes: {_DEFAULT_AXES.get(ndim - 1, '...YX')}S for colours, "
            f"{_DEFAULT_AXES.get(ndim, '...YX')} for planes."
        )
    spatial = ndim - (channel_axis is not None)
    if spatial not in _DEFAULT_AXES or (channel_axis is not None and spatial > 4):
        raise AxesError(
            f"Got an array of {ndim} dimensions; expected 2 to 5. Name its axes, such as TZCYX."
        )
    axes = list(_DEFAULT_AXES[spatial])
    if channel_axis is not None:
        if not -ndim <= channel_axis < ndim:
            raise AxesError(f"Got channel_axis={channel_axis}; expected an axis of {ndim}.")
        axes.insert(channel_axis % ndim, "C")
    return "".join(axes)


def check_axes(axes: str, shape: tuple[int, ...]) -> None:
    """Raise AxesError unless the upper-case axis letters match an array of this shape."""
    expected = f"one letter of {', '.join(KNOWN_AXES)} for each of {len(shape)} dimensions"
    if (
        len(axes) != len(shape)
        or set(axes) - set(KNOWN_AXES)
        or len(set(axes)) != len(axes)
        or not {"Y", "X"} <= set(axes)
        or {"C", "S"} <= set(axes)
        or "S" in axes[:-1]
    ):
        raise AxesError(
            f"Got axes {axes!r} for an array of shape {shape}; expected {expected}, "
            "with Y and X, and not both C and S, S last. Name the axes.",
            Hint("axes", "TZCYX"),
        )
