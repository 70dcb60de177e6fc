"""Forecast: what a run takes, told by some seconds of it."""

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

# A run is watched for so long, and for so many iterations, before it is judged: the
# first one is slower than those that follow.
_SECONDS, _ITERATIONS = 4.0, 5


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a run takes at most.

    Attributes
    ----------
    seconds : float
        If every block uses its whole budget; mostly a rule ends fits sooner.
    seconds_per_iteration : float
        Of the first block.
    iterations : int
        Of all blocks, at most.
    blocks : int
        Planes, volumes or tiles.
    memory : int
        Highest use of the GPU, or of this process, so far [bytes].
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
    """Begin a run, and tell from its first seconds what the whole would take.

    Parameters
    ----------
    image, task, config, out, stop_requested
        As for `restore`; nothing is tuned.

    Returns
    -------
    Forecast or None
        None if there is nothing to fit, or the run was stopped.

    Raises
    ------
    InputError, DeviceError, DivergedError
        As `restore` does.

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
            break  # blank planes before the first fit take no time
        fitted = progress.block
        first, last = first or _Moment.of(progress), _Moment.of(progress)
        if last.seconds >= _SECONDS and last.iteration - first.iteration >= _ITERATIONS:
            break
    run.close()
    if first is None or last is None or stop_requested():
        return None
    if last.iteration > first.iteration:
        pace = (last.seconds - first.seconds) / (last.iteration - first.iteration)
    else:
        pace = last.seconds / last.iteration
    sampled = config.runs * last.blocks * (config.posterior_samples or 0)
    seconds = first.seconds + pace * (first.iterations_left + sampled) + (config.tune or 0.0)
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
    """What is remembered of a progress, which holds an image."""

    iteration: int
    iterations_left: int
    blocks: int
    seconds: float

    @classmethod
    def of(cls, progress: Progress) -> _Moment:
        return cls(progress.iteration, progress.iterations_left, progress.blocks, progress.seconds)
