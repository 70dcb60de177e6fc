"""Forecast: time and memory of a run, estimated from its first seconds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_dip.config import DipConfig
from napari_dip.core.hardware.device import find_device
from napari_dip.core.hardware.memory import peak_memory
from napari_dip.core.restoration.restore import restore

if TYPE_CHECKING:
    from napari_dip.core.restoration.progress import Progress
    from napari_dip.core.tasks import Task

# Shortest time to measure, and fewest iterations; the first iteration is slower than later ones.
_SECONDS, _ITERATIONS = 4.0, 5


@dataclass(frozen=True, slots=True)
class Forecast:
    """Upper bounds of the time and the memory of a run.

    Attributes
    ----------
    seconds : float
        Upper bound of the time [seconds]: every fit runs to its last iteration, though a
        stopping rule usually ends it sooner.
    seconds_per_iteration : float
        Time of an iteration of the first fitted block [seconds].
    iterations : int
        Upper bound of the iterations of all blocks.
    blocks : int
        Number of planes, volumes or tiles.
    memory : int
        Peak memory of the GPU, or of this process, so far [bytes].
    """

    seconds: float
    seconds_per_iteration: float
    iterations: int
    blocks: int
    memory: int


def forecast(
    image: Any,
    task: Task | None = None,
    config: DipConfig | None = None,
    *,
    out: Any = None,
    stop_requested: Callable[[], bool] = lambda: False,
) -> Forecast | None:
    """Run the first seconds of a restoration, and estimate its time and memory.

    Parameters
    ----------
    image : array_like or Image
        Degraded image of real numbers, (Y, X) or more axes.
    task : Task, optional
        Inverse problem to solve; denoising by default.
    config : DipConfig, optional
        All other choices; the defaults of `DipConfig` by default. Nothing is tuned.
    out : array, optional
        Array for the result, as for `restore`; its values are overwritten. By default
        the result is kept in memory.
    stop_requested : callable, optional
        Function without arguments, called at each iteration; the forecast ends once it
        returns True. It always returns False by default.

    Returns
    -------
    Forecast or None
        Upper bounds; None if there is nothing to fit, or the run was stopped.

    Raises
    ------
    InputError, DeviceError, DivergedError
        As for `restore`.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.random.default_rng(0).normal(size=(3, 16, 16))
    >>> config = DipConfig(max_iterations=5, device="cpu", warm_start="off")
    >>> forecast(image, config=config).iterations
    15
    """
    config = config or DipConfig()
    untuned = config.model_copy(update={"tune": None, "time_limit": None})
    run = restore(image, task, untuned, out=out, stop_requested=stop_requested)
    first = last = fitted = None
    for progress in run:
        if first is not None and progress.block != fitted:
            break  # the first fit has ended
        fitted = progress.block
        first, last = first or _Moment.of(progress), _Moment.of(progress)
        if last.seconds >= _SECONDS and last.has_pace(first):
            break
    run.close()
    if first is None or last is None or stop_requested():
        return None
    if last.iteration > first.iteration:
        pace = (last.seconds - first.seconds) / (last.iteration - first.iteration)
    else:
        pace = last.seconds / max(last.iteration, 1)
    left = last.seconds_left
    if left is None:
        left = pace * last.iterations_left
    sampled = config.runs * last.blocks * (config.posterior_samples or 0)
    seconds = last.seconds + left + pace * sampled + (config.tune or 0.0)
    if config.time_limit is not None:
        seconds = min(seconds, config.time_limit)
    return Forecast(
        seconds=seconds,
        seconds_per_iteration=pace,
        iterations=first.iteration + first.iterations_left,
        blocks=last.blocks,
        memory=peak_memory(find_device(config.device)),
    )


@dataclass(frozen=True, slots=True)
class _Moment:
    """Numbers of a `Progress`, without its image."""

    iteration: int
    iterations_left: int
    blocks: int
    seconds: float
    seconds_left: float | None

    @classmethod
    def of(cls, progress: Progress) -> _Moment:
        return cls(
            progress.iteration,
            progress.iterations_left,
            progress.blocks,
            progress.seconds,
            progress.seconds_left,
        )

    def has_pace(self, first: _Moment) -> bool:
        """Return whether the time left is known well: from iterations, or before any of them."""
        known_before = self.iteration == 0 and self.seconds_left is not None
        return known_before or self.iteration - first.iteration >= _ITERATIONS
