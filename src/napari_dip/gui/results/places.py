"""Where a block lies in an array, and whether that is on the screen. No Qt."""

from __future__ import annotations

from collections.abc import Sequence


def is_whole(selection: Sequence[int | slice], axes: str) -> bool:
    """Tell whether a selection reaches from edge to edge wherever it is no single plane.

    Examples
    --------
    >>> is_whole((2, slice(None), slice(None)), "ZYX")
    True
    >>> is_whole((2, slice(0, 64), slice(None)), "ZYX")
    False
    """
    parts = zip(selection, axes, strict=True)
    return all(isinstance(part, int) or axis == "S" or part == slice(None) for part, axis in parts)


def covers(
    selection: Sequence[int | slice], position: Sequence[float], displayed: set[int]
) -> bool:
    """Tell whether a selection is part of what is displayed at a position.

    Examples
    --------
    >>> covers((2, slice(None), slice(None)), (2.0, 0.0, 0.0), {1, 2})
    True
    >>> covers((2, slice(None), slice(None)), (3.0, 0.0, 0.0), {1, 2})
    False
    """
    return all(
        axis in displayed or isinstance(part, slice) or part == round(float(at))
        for axis, (part, at) in enumerate(zip(selection, position, strict=True))
    )
