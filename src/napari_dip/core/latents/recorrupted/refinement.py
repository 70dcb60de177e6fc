"""Refinement: similar patches of a plane, and of its neighbours, correct its estimate."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from napari_dip.core.hardware.fit_cost import GROUPED_PLANES
from napari_dip.core.image.neighbour_slots import slots
from napari_dip.core.latents.recorrupted.collaborative import collaborative_filter

if TYPE_CHECKING:
    from napari_dip.core.noise.stabilise import Stabiliser
    from napari_dip.core.problem import Problem

# Largest correction of a pixel, in standard deviations of the noise. Similar patches correct most
# pixels by less; they would remove a spot that is in none of them.
_LARGEST = 0.7


class _Plane(NamedTuple):
    """A plane on the stabilised scale: observation and estimate, (C, Y, X) each."""

    observed: Tensor
    estimated: Tensor


class Refinement:
    """Corrects the estimate of a plane by groups of similar patches.

    With neighbours, a patch extends over three adjacent planes. A plane is in up to three such
    triples, whose results are averaged.

    Parameters
    ----------
    problem : Problem
        Problem of a plane with white noise.
    stabiliser : Stabiliser
        Scale on which the noise has a standard deviation of about 1.
    neighbours : (1, K, Y, X) Tensor
        Neighbouring planes on that scale, with filled pixels, in the order of `slots`.
    power : (1, C or 1, Y, X) Tensor
        Relative power of the noise of each pixel.

    Attributes
    ----------
    distances : tuple of int
        Distances of the neighbours whose estimates are needed, negative before the plane.
    """

    def __init__(
        self, problem: Problem, stabiliser: Stabiliser, neighbours: Tensor, power: Tensor
    ) -> None:
        self._problem, self._stabiliser, self._power = problem, stabiliser, power
        self._reach = problem.neighbour_count // 2
        order = slots({*range(-self._reach, self._reach + 1)} - {0}, self._reach)
        self._pictures = {at: neighbours[:, [index]] for index, at in enumerate(order)}
        known = neighbours if problem.neighbours is None else problem.neighbours.isfinite()
        self._known = {at: known[:, [index]] for index, at in enumerate(order)}
        self._groups = _groups(self._pictures)
        self.distances = tuple({at for group in self._groups for at in group} - {0})

    def around(self, distance: int, picture: Tensor) -> tuple[Tensor, Tensor]:
        """Return a neighbour (1, 1, Y, X), and the planes (1, K, Y, X) that the network sees.

        Parameters
        ----------
        distance : int
            One of `distances`.
        picture : (1, 1, Y, X) Tensor
            The plane itself on the stabilised scale, with filled pixels.
        """
        planes = {0: picture, **self._pictures}
        offsets = slots({at - distance for at in planes} - {0}, self._reach)
        return planes[distance], torch.cat([planes[distance + at] for at in offsets], dim=1)

    def __call__(
        self,
        estimate: Tensor,
        beside: Mapping[int, Tensor],
        factor: float,
        stop_requested: Callable[[], bool] = lambda: False,
    ) -> Tensor:
        """Return the corrected estimate; the estimate itself after a request to stop.

        Parameters
        ----------
        estimate : (1, C, Y, X) Tensor
            Estimate of the plane.
        beside : mapping of int to (1, 1, Y, X) Tensor
            Estimates of the neighbours by their distance.
        factor : float
            Factor of the stabilised noise level.
        stop_requested : callable, optional
            As in `collaborative_filter`.
        """
        stable = self._stabiliser(self._problem.observation)
        planes = {0: self._plane(stable, self._problem.valid, estimate)}
        for at, of_neighbour in beside.items():
            planes[at] = self._plane(self._pictures[at], self._known[at], of_neighbour)
        deviation = factor * self._stabiliser.moments(estimate)[1]
        variance = (deviation.square() * self._power).mean(dim=1)[0]
        filtered = []
        for group in self._groups:
            chosen = [planes[at] for at in group]
            observed, estimated = (torch.cat(parts) for parts in zip(*chosen, strict=True))
            result = collaborative_filter(observed, estimated, variance, stop_requested)
            if result is estimated:
                return estimate
            filtered.append(result.reshape(len(group), *planes[0].estimated.shape)[group.index(0)])
        if not filtered:
            return estimate
        before, after = planes[0].estimated[None], torch.stack(filtered).mean(dim=0)[None]
        largest = _LARGEST * variance.sqrt()
        after = before + (after - before).clamp(-largest, largest)
        to_intensity = self._stabiliser.inverse
        return estimate + to_intensity(after) - to_intensity(before)

    def _plane(self, stable: Tensor, known: Tensor, estimate: Tensor) -> _Plane:
        """Return a plane; at unknown pixels, the observation is the estimate."""
        estimated = self._stabiliser(estimate)
        # The mean of stabilised values is below the stabilised mean.
        unbiased = stable - self._stabiliser.moments(estimate)[0]
        return _Plane(torch.where(known, unbiased, estimated)[0], estimated[0])


def _groups(neighbours: Mapping[int, Tensor]) -> list[tuple[int, ...]]:
    """Return the distances of adjacent planes that are filtered together, 0 in each group.

    Without neighbours that is the plane alone. A plane whose neighbours are not adjacent is in no
    group: the network has seen more than the plane's own patches show.
    """
    if not neighbours:
        return [(0,)]
    known = {0, *_different(neighbours)}
    firsts = range(1 - GROUPED_PLANES, 1)
    groups = [tuple(range(first, first + GROUPED_PLANES)) for first in firsts]
    return [group for group in groups if known.issuperset(group)]


def _different(neighbours: Mapping[int, Tensor]) -> list[int]:
    """Return the distances of the neighbours that do not stand in for a missing one.

    At an end of a stack, all neighbours are on one side; they count as those before the plane.
    """
    if torch.equal(neighbours[-1], neighbours[1]):
        neighbours = {at: plane for at, plane in neighbours.items() if at < 0}

    def is_own(at: int) -> bool:
        as_near = [other for other in neighbours if other != at and abs(other) <= abs(at)]
        return not any(torch.equal(neighbours[other], neighbours[at]) for other in as_near)

    return [at for at in neighbours if is_own(at)]
