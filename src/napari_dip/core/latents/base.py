"""Base of all latents: the interface, the input of one iteration and reflection padding."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple, Protocol

import torch
from torch import Tensor

if TYPE_CHECKING:
    from napari_dip.core.image.shape import Shape
    from napari_dip.core.latents.augment import View
    from napari_dip.core.problem import Problem


class Draw(NamedTuple):
    """Input of one iteration.

    Attributes
    ----------
    latent : (1, C, [Z,] Y, X) Tensor
        Latent z on the canvas of the network; the next draw may overwrite it.
    weights : (1, C, [Z,] Y, X) Tensor
        Weight of each observed pixel in the loss of this iteration.
    view : View
        Shift and flip of the canvas at this iteration.
    start : (1, C, [Z,] Y, X) Tensor or None
        Image to which the output of the network is added.
    gain : float
        Factor of the output of the network.
    shift : (1, C, [Z,] Y, X) Tensor or None
        Difference of the start of the average and the start of this iteration.
    target : (1, C, Y, X) Tensor or None
        Image that the start plus the output of the network is fitted to; None if the estimate is
        fitted to the observation.
    to_intensity : callable or None
        Map from the scale of start and output to intensities; None if they are intensities.
    loss : callable or None
        Data fidelity of an estimate; None for the weighted mean of that of each pixel.
    """

    latent: Tensor
    weights: Tensor
    view: View
    start: Tensor | None = None
    gain: float = 1.0
    shift: Tensor | None = None
    target: Tensor | None = None
    to_intensity: Callable[[Tensor], Tensor] | None = None
    loss: Callable[[Tensor], Tensor] | None = None

    def estimate(self, output: Tensor) -> Tensor:
        """Return the estimate for an output of the network, (1, C, [Z,] Y, X)."""
        scaled = output if self.gain == 1.0 else self.gain * output
        image = scaled if self.start is None else self.start + scaled
        return image if self.to_intensity is None else self.to_intensity(image)

    def shifted(self, estimate: Tensor) -> Tensor:
        """Return the estimate relative to the common start, for averaging over iterations."""
        return estimate if self.shift is None else estimate + self.shift

    def unshifted(self, average: Tensor) -> Tensor:
        """Return an average relative to the start of this iteration."""
        return average if self.shift is None else average - self.shift


class Latent(Protocol):
    """Source of the network's input.

    Attributes
    ----------
    suffices : bool
        Whether the estimate before the first step is the result, without a fit. False unless a
        latent knows better.
    learned_sha256 : str or None
        SHA-256 of the file of learned weights that the latent used; None without them.
    """

    suffices: bool = False
    learned_sha256: str | None = None

    def draw(self) -> Draw:
        """Return the input of the next iteration."""

    def first(self) -> Tensor | None:
        """Return an estimate to begin with, for averaging; None if the network gives the first."""
        return None

    def glimpse(self, most: int) -> Draw:
        """Return the input of a quick estimate, from about so many pixels at most if possible."""
        return next(iter(self.reveal()))

    def reveal(self) -> Iterator[Draw]:
        """Yield the inputs of one estimate, in which all fitted pixels are visible."""
        yield self.draw()

    def judge(self) -> list[Draw]:
        """Return inputs in which held-out pixels are hidden; none if they always are."""
        return []

    def refine(
        self,
        estimate: Tensor,
        estimate_of: Callable[[Draw], Tensor],
        stop_requested: Callable[[], bool],
    ) -> Tensor:
        """Return the selected estimate, improved by what takes too long for every one.

        Parameters
        ----------
        estimate : (1, C, [Z,] Y, X) Tensor
            Selected estimate.
        estimate_of : callable
            Function that returns the estimate of the fitted network for a draw.
        stop_requested : callable
            Function that returns whether to return the estimate as it is.
        """
        return estimate

    def finish(self, estimate: Tensor) -> Tensor:
        """Return the final estimate, corrected for the kind of latent."""
        return estimate

    def findings(self) -> dict[str, float]:
        """Return what the latent has measured, for the report; nothing by default."""
        return {}

    def skip(self, draws: int, reveals: int) -> None:
        """Skip the views of an earlier fit that this fit resumes."""
        return

    def parameters(self) -> list[Tensor]:
        """Return the tensors that are fitted together with the network."""
        return []


class Mirror:
    """Pads an image of any size to the canvas by reflection."""

    def __init__(self, shape: Shape, canvas: Shape, device: torch.device) -> None:
        self._indices = {}
        for axis, (size, padded) in enumerate(zip(shape, canvas, strict=True), -len(shape)):
            if size == padded:
                continue
            period = torch.arange(padded, device=device) % (2 * size)
            self._indices[axis] = torch.minimum(period, 2 * size - 1 - period)

    def __call__(self, picture: Tensor) -> Tensor:
        for axis, indices in self._indices.items():
            picture = picture.index_select(axis, indices)
        return picture


def standardised_guide(problem: Problem) -> Tensor | None:
    """Return the guide in the shape of the estimate; each channel has mean 0, deviation 1."""
    if problem.guide is None:
        return None
    guide = problem.operator.lift(problem.guide)
    pixels = tuple(range(2, guide.ndim))
    deviation, mean = torch.std_mean(guide, dim=pixels, correction=0, keepdim=True)
    return (guide - mean) / deviation.clamp(min=1e-12)
