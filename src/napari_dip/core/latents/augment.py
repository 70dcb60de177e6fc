"""Views: shifts and flips of the canvas, another one at each iteration."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import cycle, islice
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor

    from napari_dip.core.networks.build import PriorNetwork

FLIPS: tuple[tuple[int, ...], ...] = ((), (-1,), (-2,), (-2, -1))


class View(NamedTuple):
    """Shift and flip of a canvas (1, C, [Z,] Y, X).

    Attributes
    ----------
    shifts : (int, int)
        Shifts along Y and X [pixels]. Pixels that leave on one side are lost; the other side
        is filled by reflection.
    flips : tuple of int
        Flipped dimensions.
    """

    shifts: tuple[int, int] = (0, 0)
    flips: tuple[int, ...] = ()

    def apply(self, canvas: Tensor) -> Tensor:
        """Return the shifted and flipped canvas, (1, C, [Z,] Y, X)."""
        moved = _rolled(canvas, self.shifts)
        for axis, shift in zip((-2, -1), self.shifts, strict=True):
            if shift:
                mirrored = moved.narrow(axis, shift, shift).flip(axis)
                moved.narrow(axis, 0, shift).copy_(mirrored)
        return _flipped(moved, self.flips)

    def undo(self, canvas: Tensor) -> Tensor:
        """Return a canvas without shift and flip; the values of lost pixels are arbitrary."""
        back = (-self.shifts[0], -self.shifts[1])
        return _rolled(_flipped(canvas, self.flips), back)

    def complete(self, picture: Tensor, canvas: tuple[int, ...], known: Tensor) -> Tensor:
        """Return the image on a canvas; pixels that the view lost come from `known`.

        Parameters
        ----------
        picture : (1, C, [Z,] Y, X) Tensor
            Image at the origin of the canvas, after `undo`.
        canvas : tuple of int
            Shape ([Z,] Y, X) of the canvas.
        known : (1, C, [Z,] Y, X) Tensor
            Values for the lost pixels, which get no gradient.
        """
        shown = [size - shift for size, shift in zip(canvas[-2:], self.shifts, strict=True)]
        if all(size <= most for size, most in zip(picture.shape[-2:], shown, strict=True)):
            return picture
        corner = (..., slice(shown[0]), slice(shown[1]))
        completed = known.clone()
        completed[corner] = picture[corner]
        return completed


# Without the condition torch would copy the canvas.
def _rolled(canvas: Tensor, shifts: tuple[int, int]) -> Tensor:
    return canvas.roll(shifts, (-2, -1)) if any(shifts) else canvas


def _flipped(canvas: Tensor, flips: tuple[int, ...]) -> Tensor:
    return canvas.flip(flips) if flips else canvas


def views(network: PriorNetwork) -> Iterator[View]:
    """Yield all combinations of flips and of shifts below the pixel shuffle, endlessly."""
    steps = range(network.pixel_shuffle)
    return cycle([View((y, x), flips) for y in steps for x in steps for flips in FLIPS])


def skip_views(remaining: Iterator[View], count: int) -> None:
    """Skip a number of views."""
    deque(islice(remaining, count), maxlen=0)
