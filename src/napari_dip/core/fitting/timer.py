"""Clock: the seconds that a run has taken, without those it was kept waiting."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Timer:
    """Counts from its making on; a pause is part of no time limit and no pace.

    A run waits where it yields, and where it asks whether it should end: the
    answer may be held back.

    Parameters
    ----------
    stop_requested : callable
        Whether somebody asked to stop.

    Examples
    --------
    >>> clock = Timer(lambda: True)
    >>> with clock.waiting():
    ...     time.sleep(0.01)
    >>> clock.stop_requested(), clock.seconds < 0.01
    (True, True)
    """

    def __init__(self, stop_requested: Callable[[], bool] = lambda: False) -> None:
        self._start = time.perf_counter()
        self._stop_requested = stop_requested

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self._start

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Stand still meanwhile."""
        begin = time.perf_counter()
        try:
            yield
        finally:
            self._start += time.perf_counter() - begin

    def stop_requested(self) -> bool:
        """Ask whether to stop, and stand still until there is an answer."""
        with self.waiting():
            return self._stop_requested()
