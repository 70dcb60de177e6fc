"""Time left of a run, at the pace so far."""

from __future__ import annotations

from math import inf, prod
from typing import TYPE_CHECKING

from napari_dip.core.hardware.fit_cost import fit_work, work_done

if TYPE_CHECKING:
    from napari_dip.config import FitConfig
    from napari_dip.core.fitting.result import Snapshot


class TimeLeft:
    """Upper bound of the time that is left, from the pace of the present fit.

    Most of a fit from random weights are its iterations; it may be prepared for longer than they
    take, so their pace counts from the first snapshot on. Most of a fit from learned weights are
    passes over the whole plane, before, between and after the iterations: the work of all of them
    is known.

    Parameters
    ----------
    settings : FitConfig
        Settings of the fit.
    shape : (C, [Z,] Y, X) tuple of int
        Shape of the estimate.
    begin : float
        Time at which the fit begins [seconds].
    before : int
        Iterations of an earlier fit that it resumes.
    """

    def __init__(
        self, settings: FitConfig, shape: tuple[int, ...], begin: float, before: int
    ) -> None:
        self._settings, (self._channels, *plane) = settings, shape
        self._pixels = prod(plane)
        self._begin, self._before = begin, before
        self._first: tuple[float, int] | None = None

    def __call__(self, snapshot: Snapshot, now: float, iterations: int, fits: int) -> float | None:
        """Return the time that is left [seconds]; None before there is a pace.

        Parameters
        ----------
        snapshot : Snapshot
            State of the fit.
        now : float
            Time of the snapshot [seconds].
        iterations : int
            Iterations that are left in this fit and later ones.
        fits : int
            Number of later fits.
        """
        self._first = self._first or (now, snapshot.iteration)
        if self._settings.latent == "recorrupted":
            return self._by_work(snapshot, now - self._begin, fits)
        if not iterations:
            return 0.0
        begin, before = self._first
        done = snapshot.iteration - before
        return (now - begin) / done * iterations if done else None

    def _by_work(self, snapshot: Snapshot, seconds: float, fits: int) -> float | None:
        settings, pixels, channels = self._settings, self._pixels, self._channels
        iterations, passes = snapshot.iteration - self._before, snapshot.passes
        done = work_done(settings, pixels, iterations=iterations, passes=passes)
        if not done:
            return None
        if snapshot.stop_reason is not None:  # similar patches are still to come
            iterations, passes = settings.max_iterations, inf
        left = fit_work(settings, pixels, channels, iterations=iterations, passes=passes)
        return seconds / done * (left + fits * fit_work(settings, pixels, channels))
