"""Sharpening: the classic deconvolution that predicts held-out photons best."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from napari_dip.core.operators.blur import Convolution
from napari_dip.core.operators.richardson_lucy import RichardsonLucy

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from napari_dip.core.problem import Problem

# Weights of the total variation to try.
VARIATIONS = (0.0005, 0.002, 0.01)
# Largest number of iterations, and of iterations without a lower held-out error.
_MOST, _PATIENCE = 300, 15


class Sharpening(NamedTuple):
    """A Richardson-Lucy method and its number of iterations.

    Attributes
    ----------
    variation : float or None
        Weight of the total variation; None for the gradient consensus.
    iterations : int
        Number of iterations.
    """

    variation: float | None
    iterations: int

    def __call__(
        self,
        problem: Problem,
        random: torch.Generator,
        ended: Callable[[], bool] = lambda: False,
    ) -> Tensor:
        """Return the sharpened observation of a problem, (1, C, [Z,] Y, X)."""
        sequence = estimates(problem, self.variation, self.iterations, random)
        sharp = next(sequence)
        while not ended() and (better := next(sequence, None)) is not None:
            sharp = better
        return sharp


class Lowest(NamedTuple):
    """The estimate of a sequence that predicts held-out photons best.

    Attributes
    ----------
    position : int
        Position of the estimate, from 1.
    error : float
        Held-out error.
    estimate : (1, C, [Z,] Y, X) Tensor
        The estimate.
    """

    position: int
    error: float
    estimate: Tensor


def find_sharpening(
    fitted: Problem,
    heldout: Problem,
    random: torch.Generator,
    ended: Callable[[], bool] = lambda: False,
    variations: Sequence[float | None] = (0.0, *VARIATIONS, None),
) -> Sharpening:
    """Return the method and the number of iterations of the lowest held-out error.

    Parameters
    ----------
    fitted, heldout : Problem
        Problems of the same scene whose noise is independent.
    random : torch.Generator
        Random generator on the device of the problems.
    ended : callable
        Function that returns True to stop early.
    variations : sequence of float or None
        Weights of the total variation to try; None for the gradient consensus. All methods by
        default.
    """
    best, least = Sharpening(variations[0], 1), float("inf")
    for variation in variations:
        lowest = find_lowest(estimates(fitted, variation, _MOST, random), heldout, ended)
        if lowest.error < least:
            best, least = Sharpening(variation, lowest.position), lowest.error
    return best


def find_lowest(
    sequence: Iterable[Tensor], heldout: Problem, ended: Callable[[], bool] = lambda: False
) -> Lowest:
    """Return the estimate of a sequence that predicts held-out photons best.

    Parameters
    ----------
    sequence : iterable of (1, C, [Z,] Y, X) Tensor
        Estimates, at least one. Those long after the best one are not computed.
    heldout : Problem
        Problem of the held-out photons.
    ended : callable
        Function that returns True to stop early.
    """
    lowest: Lowest | None = None
    for count, estimate in enumerate(sequence, 1):
        error = float((heldout.nll(estimate) * heldout.valid).mean())
        if lowest is None or error < lowest.error:
            lowest = Lowest(count, error, estimate)
        if count - lowest.position >= _PATIENCE or ended():
            break
    assert lowest is not None  # a sequence has at least one estimate
    return lowest


def estimates(
    problem: Problem,
    variation: float | None,
    most: int,
    random: torch.Generator | None = None,
    start: Tensor | None = None,
) -> Iterator[Tensor]:
    """Yield the estimate (1, C, [Z,] Y, X) of each iteration, in network units.

    Parameters
    ----------
    problem : Problem
        Problem of a convolution.
    variation : float or None
        Weight of the total variation; None for the gradient consensus.
    most : int
        Number of iterations.
    random : torch.Generator, optional
        Random generator on the device of the problem, for the consensus.
    start : (1, C, [Z,] Y, X) Tensor, optional
        First estimate, in network units; a flat image by default. Not used by the consensus.
    """
    assert isinstance(problem.operator, Convolution)
    method = RichardsonLucy(problem.operator, problem.valid.float())
    light = (problem.observation - problem.dark).clamp(min=0)

    def halves() -> tuple[Tensor, Tensor]:
        assert random is not None
        first, second = problem.thinned((0.5, 0.5), random)
        return first.observation - problem.dark, second.observation - problem.dark

    estimates = (
        method.consensus(halves, light, most)
        if variation is None
        else method.plain(light, most, variation, None if start is None else start - problem.dark)
    )
    for estimate in estimates:
        yield estimate + problem.dark
