"""Limit on the time that the window spends on showing progress. No Qt."""

from __future__ import annotations

import time
from collections.abc import Callable

# Shortest time between two refreshes [seconds], and the wait as a multiple of the cost
# of a refresh: nobody notices the loss of 1/50 of the time of the GUI thread.
_SHORTEST = 0.2
_WAIT_PER_COST = 50


class RefreshRate:
    """Schedule of the refreshes: the next one is due after a multiple of the last cost.

    Parameters
    ----------
    clock : callable
        Returns the time [seconds].
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._start = float("-inf")
        self._awaits_paint = False
        self.cost = 0.0

    @property
    def interval(self) -> float:
        """Time from the start of a refresh to the start of the next [seconds]."""
        return max(_SHORTEST, _WAIT_PER_COST * self.cost)

    @property
    def due(self) -> bool:
        return self._clock() - self._start >= self.interval

    def start(self) -> None:
        self._start = self._clock()

    def stop(self) -> None:
        """Record the end of a refresh; its painting may follow."""
        self.cost = self._clock() - self._start
        self._awaits_paint = True

    def painted(self) -> None:
        """Record that a frame was painted; the first after a refresh is part of its cost."""
        if self._awaits_paint:
            self.cost = self._clock() - self._start
            self._awaits_paint = False
