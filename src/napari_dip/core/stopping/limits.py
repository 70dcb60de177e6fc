"""Limits: rules that end a fit after some iterations, after some time, or on request."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from napari_dip.core.stopping.rules import StopReason

if TYPE_CHECKING:
    from napari_dip.core.stopping.rules import Evidence


class MaxIterations:
    """Stop at a number of iterations.

    Parameters
    ----------
    limit : int
        Last iteration.
    """

    selected: int | None = None

    def __init__(self, limit: int) -> None:
        self._limit = limit

    def update(self, evidence: Evidence) -> StopReason | None:
        return StopReason.MAX_ITERATIONS if evidence.iteration >= self._limit else None


class TimeLimit:
    """Stop after some time.

    Parameters
    ----------
    seconds : float
        Upper bound of the time [seconds].
    """

    selected: int | None = None

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def update(self, evidence: Evidence) -> StopReason | None:
        return StopReason.TIME_LIMIT if evidence.seconds >= self._seconds else None


class StopRequested:
    """Stop on request, as by the Stop button.

    Parameters
    ----------
    requested : callable
        Function without arguments that returns whether to stop.
    """

    selected: int | None = None

    def __init__(self, requested: Callable[[], bool]) -> None:
        self._requested = requested

    def __deepcopy__(self, memo: object) -> StopRequested:
        return self  # it has no state to restore

    def update(self, evidence: Evidence) -> StopReason | None:
        return StopReason.STOP_REQUESTED if self._requested() else None
