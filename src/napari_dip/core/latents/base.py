"""What every latent has in common: the draw of one iteration, and pictures on the canvas."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import torch
from torch import Tensor

if TYPE_CHECKING:
    from napari_dip.core.image.shape import Shape
    from napari_dip.core.latents.augment import View
    from napari_dip.core.problem import Problem


class Draw(NamedTuple):
    """One iteration's input.

    Attributes
    ----------
    latent : (1, C, [Z,] Y, X) Tensor
        z over the network's canvas; may be overwritten by the next draw.
    weights : (1, C, [Z,] Y, X) Tensor
        Of each observed pixel in the loss of this iteration.
    view : View
        How the network sees the canvas at this iteration.
    start : (1, C, [Z,] Y, X) Tensor or None
        What the network's output is added to.
    gain : float
        By which the output is multiplied before.
    shift : (1, C, [Z,] Y, X) Tensor or None
        From this iteration's start to that of the average.
    """

    latent: Tensor
    weights: Tensor
    view: View
    start: Tensor | None = None
    gain: float = 1.0
    shift: Tensor | None = None

    def estimate(self, output: Tensor) -> Tensor:
        """Return what an output of the network stands for."""
        scaled = output if self.gain == 1.0 else self.gain * output
        return scaled if self.start is None else self.start + scaled

    def shifted(self, estimate: Tensor) -> Tensor:
        """Return an estimate that can be averaged with those of other iterations."""
        return estimate if self.shift is None else estimate + self.shift

    def unshifted(self, average: Tensor) -> Tensor:
        """Return an average as an estimate of this iteration."""
        return average if self.shift is None else average - self.shift


class Latent(Protocol):
    """Source of the network's input."""

    def draw(self) -> Draw:
        """Return the input of the next iteration."""

    def reveal(self) -> Draw:
        """Return an input in which nothing is hidden that may be seen."""
        return self.draw()

    def finish(self, estimate: Tensor) -> Tensor:
        """Add to an estimate what was held back from the fit."""
        return estimate

    def skip(self, draws: int, reveals: int) -> None:
        """Leave out the views of an earlier fit, which this one goes on from."""
        return

    def parameters(self) -> list[Tensor]:
        """Return what is fitted together with the network."""
        return []


class Mirror:
    """Continues a picture to the canvas by reflection, however small it is."""

    def __init__(self, shape: Shape, canvas: Shape, device: torch.device) -> None:
        self._indices = {}
        for axis, (size, whole) in enumerate(zip(shape, canvas, strict=True), -len(shape)):
            if size == whole:
                continue
            period = torch.arange(whole, device=device) % (2 * size)
            self._indices[axis] = torch.minimum(period, 2 * size - 1 - period)

    def __call__(self, picture: Tensor) -> Tensor:
        for axis, indices in self._indices.items():
            picture = picture.index_select(axis, indices)
        return picture


def standardised_guide(problem: Problem) -> Tensor | None:
    """Return the guide at the estimate's size, each channel with mean 0 and deviation 1."""
    if problem.guide is None:
        return None
    guide = problem.operator.lift(problem.guide)
    pixels = tuple(range(2, guide.ndim))
    deviation, mean = torch.std_mean(guide, dim=pixels, correction=0, keepdim=True)
    return (guide - mean) / deviation.clamp(min=1e-12)
