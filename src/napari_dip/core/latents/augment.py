"""Views: how the network sees a canvas, shifted and mirrored, another way at each iteration."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import cycle, islice
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor

    from napari_dip.core.networks.build import PriorNetwork

_FLIPS: tuple[tuple[int, ...], ...] = ((), (-1,), (-2,), (-2, -1))


class View(NamedTuple):
    """A canvas (1, C, [Z,] Y, X) seen shifted and mirrored.

    Attributes
    ----------
    shifts : (int, int)
        Along Y and X [pixels]; what leaves on one side is not shown, and what comes in on the
        other is the picture's own mirror image.
    flips : tuple of int
        Mirrored dimensions.
    """

    shifts: tuple[int, int] = (0, 0)
    flips: tuple[int, ...] = ()

    def apply(self, canvas: Tensor) -> Tensor:
        """Return what the network sees of a canvas, (1, C, [Z,] Y, X)."""
        moved = _rolled(canvas, self.shifts)
        for axis, shift in zip((-2, -1), self.shifts, strict=True):
            if shift:
                mirrored = moved.narrow(axis, shift, shift).flip(axis)
                moved.narrow(axis, 0, shift).copy_(mirrored)
        return _flipped(moved, self.flips)

    def undo(self, canvas: Tensor) -> Tensor:
        """Return a canvas that the network made, where it was; what is not shown is arbitrary."""
        back = (-self.shifts[0], -self.shifts[1])
        return _rolled(_flipped(canvas, self.flips), back)

    def complete(self, picture: Tensor, canvas: tuple[int, ...], known: Tensor) -> Tensor:
        """Return the corner of a canvas, with what is known where the view does not show it.

        Parameters
        ----------
        picture : (1, C, [Z,] Y, X) Tensor
            The corner at the origin of the canvas, undone.
        canvas : tuple of int
            ([Z,] Y, X) of the whole.
        known : (1, C, [Z,] Y, X) Tensor
            The same picture, otherwise known.
        """
        shown = [whole - shift for whole, shift in zip(canvas[-2:], self.shifts, strict=True)]
        if all(size <= most for size, most in zip(picture.shape[-2:], shown, strict=True)):
            return picture
        corner = (..., slice(shown[0]), slice(shown[1]))
        completed = known.clone()
        completed[corner] = picture[corner]
        return completed


# Torch copies also where nothing moves.
def _rolled(canvas: Tensor, shifts: tuple[int, int]) -> Tensor:
    return canvas.roll(shifts, (-2, -1)) if any(shifts) else canvas


def _flipped(canvas: Tensor, flips: tuple[int, ...]) -> Tensor:
    return canvas.flip(flips) if flips else canvas


def views(network: PriorNetwork) -> Iterator[View]:
    """Return without end each mirror image at each shift that a pixel shuffle can tell apart."""
    steps = range(network.pixel_shuffle)
    return cycle([View((y, x), flips) for y in steps for x in steps for flips in _FLIPS])


def skip_views(left: Iterator[View], count: int) -> None:
    """Move on by so many views."""
    deque(islice(left, count), maxlen=0)
