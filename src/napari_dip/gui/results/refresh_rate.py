"""What it may cost to show how a run is doing. No Qt."""

from __future__ import annotations

import time
from collections.abc import Callable

# Shortest time between two refreshes [seconds], and how many times its cost a
# refresh must wait: 1/50 of the GUI thread's time is felt by nobody.
_SHORTEST = 0.2
_WAIT_PER_COST = 50


class Pace:
    """Tells when the next refresh is due, from what the last one cost.

    Parameters
    ----------
    clock : callable
        Time [seconds].
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._start = float("-inf")
        self._awaits_paint = False
        self.cost = 0.0

    @property
    def interval(self) -> float:
        """From the start of one refresh to the next [seconds]."""
        return max(_SHORTEST, _WAIT_PER_COST * self.cost)

    @property
    def due(self) -> bool:
        return self._clock() - self._start >= self.interval

    def start(self) -> None:
        self._start = self._clock()

    def stop(self) -> None:
        """A refresh has returned; it may still have to be painted."""
        self.cost = self._clock() - self._start
        self._awaits_paint = True

    def painted(self) -> None:
        """A frame is on the screen: the first one after a refresh is part of its cost."""
        if self._awaits_paint:
            self.cost = self._clock() - self._start
            self._awaits_paint = False
