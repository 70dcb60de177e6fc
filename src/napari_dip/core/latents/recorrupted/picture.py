"""Pictures that a network sees: stabilised planes with filled pixels, and which are visible."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from napari_dip.core.latents.recorrupted.pixel_noise import shared

if TYPE_CHECKING:
    from napari_dip.core.noise.stabilise import Stabiliser
    from napari_dip.core.problem import Problem


class Picture(NamedTuple):
    """Image (1, C, Y, X) with filled pixels, and mask (1, 1, Y, X) of the visible ones."""

    picture: Tensor
    visible: Tensor


def in_all_channels(mask: Tensor) -> Tensor:
    """Return where a mask is 1 in all channels, (1, 1, Y, X), but for channels where it never is.

    Such a channel is blank, and its values are exact.
    """
    blank = mask.amax(dim=(2, 3), keepdim=True) == 0
    return torch.where(blank, 1.0, mask).amin(dim=1, keepdim=True)


def fill(stable: Tensor, visible: Tensor, trust: Tensor) -> Picture:
    """Replace hidden pixels, and a part of those with strong noise, by their neighbours."""
    return Picture(shared(stable, visible * trust), visible)


def stable_neighbours(problem: Problem, stabiliser: Stabiliser, trust: Tensor) -> Tensor:
    """Return stabilised neighbours (1, K, Y, X) with filled pixels; K is 0 without any."""
    if problem.neighbours is None:
        return problem.observation[:, :0]
    stable = stabiliser(problem.neighbours.nan_to_num())
    return shared(stable, problem.neighbours.isfinite() * trust)


def square(picture: Tensor, side: int, first: Callable[[int], int]) -> tuple[Any, ...]:
    """Return the index of a square of a picture (1, C, Y, X), or of all of a narrower one.

    Parameters
    ----------
    picture : (1, C, Y, X) Tensor
        Picture of which a square is taken.
    side : int
        Side of the square [pixels].
    first : callable
        Function that returns the first row or column, from 0 to the given number.
    """
    sides = [min(side, size) for size in picture.shape[2:]]
    starts = [first(size - part) for size, part in zip(picture.shape[2:], sides, strict=True)]
    return (..., *(slice(at, at + part) for at, part in zip(starts, sides, strict=True)))
