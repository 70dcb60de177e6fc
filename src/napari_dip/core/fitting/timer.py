"""Timer: the time that a run takes, without its pauses."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")


class Timer:
    """Seconds since it was made, without pauses.

    A run pauses where it yields, and where it asks whether to stop: both may take the caller
    as long as it likes.

    Parameters
    ----------
    stop_requested : callable
        Function without arguments that returns whether to stop.

    Examples
    --------
    >>> timer = Timer(lambda: True)
    >>> with timer.waiting():
    ...     time.sleep(0.01)
    >>> timer.stop_requested(), timer.seconds < 0.01
    (True, True)
    """

    def __init__(self, stop_requested: Callable[[], bool] = lambda: False) -> None:
        self._start = time.perf_counter()
        self._stop_requested = stop_requested

    @property
    def seconds(self) -> float:
        """Time since the timer was made, without pauses [seconds]."""
        return time.perf_counter() - self._start

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Leave the time inside this context out."""
        begin = time.perf_counter()
        try:
            yield
        finally:
            self._start += time.perf_counter() - begin

    def shown(self, value: T) -> Iterator[T]:
        """Yield a value, and leave the time out until the next one is asked for."""
        with self.waiting():
            yield value

    def stop_requested(self) -> bool:
        """Return whether to stop; the time until the answer is left out."""
        with self.waiting():
            return self._stop_requested()
