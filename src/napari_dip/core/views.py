"""Views: how the network sees a canvas, shifted and mirrored, another way at each iteration."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import cycle, islice
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor

    from napari_dip.core.networks import PriorNetwork

_FLIPS: tuple[tuple[int, ...], ...] = ((), (-1,), (-2,), (-2, -1))


class View(NamedTuple):
    """A canvas (1, C, [Z,] Y, X) seen shifted and mirrored.

    Attributes
    ----------
    shifts : (int, int)
        Along Y and X [pixels]; what leaves on one side comes in on the other.
    flips : tuple of int
        Mirrored dimensions.
    """

    shifts: tuple[int, int] = (0, 0)
    flips: tuple[int, ...] = ()

    def apply(self, canvas: Tensor) -> Tensor:
        return _flipped(_rolled(canvas, self.shifts), self.flips)

    def undo(self, canvas: Tensor) -> Tensor:
        back = (-self.shifts[0], -self.shifts[1])
        return _rolled(_flipped(canvas, self.flips), back)


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
