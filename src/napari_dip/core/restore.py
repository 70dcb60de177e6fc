"""restore(): THE entry. Image in, `Progress` on the way, `Restoration` out."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_dip.config import DipConfig
from napari_dip.core import blocks
from napari_dip.core.channels import find_channels, seeks_impulses, suited
from napari_dip.core.clock import Clock
from napari_dip.core.device import (
    Runtime,
    cpu_settings,
    device_errors,
    find_runtime,
    useful_threads,
)
from napari_dip.core.fit import Fit, Snapshot, fit
from napari_dip.core.image import Image, as_image
from napari_dip.core.memory import free_memory, freed_memory_kept
from napari_dip.core.mosaic import Mosaic
from napari_dip.core.oracle import Oracle
from napari_dip.core.progress import Progress, Restoration
from napari_dip.core.report import make_report
from napari_dip.core.source import Source, Work, anisotropy
from napari_dip.core.stopping import StopReason
from napari_dip.core.tiling import Tiling, find_tiling
from napari_dip.core.tune import Trial, tune
from napari_dip.tasks import Denoise

if TYPE_CHECKING:
    from napari_dip.core.problem import Problem
    from napari_dip.tasks import Task

# Shortest time between two previews [seconds]: an eye sees no more, and a GUI
# thread must not drown in them.
_PREVIEW_INTERVAL = 0.2


def restore(
    image: Any,
    task: Task | None = None,
    config: DipConfig | None = None,
    *,
    reference: Any = None,
    stop_requested: Callable[[], bool] = lambda: False,
) -> Generator[Progress, None, Restoration]:
    """Restore an image, block by block, yielding progress at about 5 Hz.

    Parameters
    ----------
    image : array_like or Image
        Real numbers; axes from the configuration, the `Image`, or guessed.
    task : Task, optional
        The inverse problem; denoising by default.
    config : DipConfig, optional
        All choices.
    reference : array_like, optional
        Truth of the result's shape, for the report only; no decision reads it.
    stop_requested : callable
        Polled at each iteration; once True, the run ends with the best result
        so far. Blocks not reached keep the observation, and the report counts
        them. It may wait before it answers, which is a pause.

    Yields
    ------
    Progress

    Returns
    -------
    Restoration
        As the value of the generator.

    Raises
    ------
    InputError
        The data cannot be restored as given.
    DeviceError
        The device is missing, failed or ran out of memory.
    DivergedError
        The fit cannot be kept finite.

    Examples
    --------
    >>> image = np.random.default_rng(0).normal(size=(16, 16))
    >>> next(restore(image, config=DipConfig(max_iterations=2, device="cpu"))).max_iterations
    2
    """
    task = task or Denoise()
    config = config or DipConfig()
    task.check_stop(config.stop)
    config = config.complete(task.preset, task.dims)
    if task.joint:
        config = config.model_copy(update={"channels": "joint"})
    dims = config.dims
    assert dims is not None  # the configuration is complete
    image = as_image(image, config.axes).calibrated(config.voxel_size)
    task.check_noise(config.noise)
    task = task.knowing(config.noise, config.sigma_noise)
    observation = task.observe(image)
    channels = find_channels(observation, config, task)
    config = suited(config, task, channels)
    runtime = find_runtime(config.device, config.precision)
    axes = blocks.spatial_axes(image, dims)
    # It refuses what cannot be done along these axes.
    operator = task.operator(image, axes)
    tiling = find_tiling(image, task, operator, axes, config, free_memory(runtime.device))
    if tiling is not None:
        config = config.model_copy(update={"tile": tiling.side})
    enlarged = task.enlarged(image)
    source = Source(
        observation=observation,
        guides=task.guides(image),
        task=task,
        operator=operator,
        channels=channels,
        impulses=seeks_impulses(config, task),
        anisotropy=anisotropy(enlarged),
        device=runtime.device,
    )
    run = _Run(
        image=image,
        source=source,
        config=config,
        runtime=runtime,
        plan=blocks.plan(image, config.channels, dims, tiling),
        tiling=tiling,
        enlarged=enlarged,
        oracle=None if reference is None else Oracle(reference, task.final(enlarged), image.axes),
        clock=Clock(stop_requested),
    )
    threads = config.threads or useful_threads(prod(blocks.shape(run.plan[0], image)))
    with device_errors(), cpu_settings(threads), freed_memory_kept():
        if config.tune is not None:
            run.tune()
        yield from run.fit_blocks()
    return run.result()


@dataclass
class _Run:
    """One call of `restore`: what was decided, and the result as it grows."""

    image: Image
    source: Source
    config: DipConfig
    runtime: Runtime
    plan: list[blocks.Block]
    tiling: Tiling | None
    # The image itself, wherever no fit replaces it (alpha, blocks not reached).
    enlarged: Image
    oracle: Oracle | None
    clock: Clock
    invalid_pixels: float = 0.0
    trials: tuple[Trial, ...] = ()

    def __post_init__(self) -> None:
        self.blocks_left = len(self.plan)
        self.mosaic = Mosaic(
            self.enlarged,
            runs=self.config.runs > 1,
            sampled=self.config.posterior_samples is not None,
        )

    def tune(self) -> None:
        """Choose what fits the middle block best; from then on it is the configuration."""
        problem = self.source.work(self.plan[len(self.plan) // 2]).problem
        if problem is not None:
            self.config, self.trials = tune(
                problem, self.config, self.runtime, stop_requested=self.clock.stop_requested
            )
        # The choice can be repeated, not how long it took.
        self.config = self.config.model_copy(update={"tune": None})

    def fit_blocks(self) -> Generator[Progress, None, None]:
        for block in self.plan:
            work = self.source.work(block)
            self.invalid_pixels += work.invalid_pixels
            self.blocks_left -= 1
            if work.problem is not None:
                fits = yield from self._fit_runs(work, work.problem)
                self.mosaic.put(work, self.source, fits)
                if fits[-1].stop_reason is StopReason.STOP_REQUESTED:
                    return
            elif work.constant:
                self.mosaic.fill(work, self.source.constant(work))
            else:
                self.mosaic.skip(work)

    def _fit_runs(self, work: Work, problem: Problem) -> Generator[Progress, None, list[Fit]]:
        fits: list[Fit] = []
        for run in range(self.config.runs):
            fits.append((yield from self._fit_once(work, problem, run)))
            if fits[-1].stop_reason is StopReason.STOP_REQUESTED:
                break
        return fits

    def _fit_once(self, work: Work, problem: Problem, run: int) -> Generator[Progress, None, Fit]:
        """Fit a block, turning snapshots into progress on the image's own scale."""
        outcome: Fit
        block = work.block
        begin, last_yield = self.clock.seconds, -np.inf
        snapshots = fit(
            problem,
            self.config,
            runtime=self.runtime,
            seed=_seed(self.config.seed, block.index, run),
            time_limit=self._time_share(block, run),
            # An oracle looks at every iteration, a user at some.
            interval=_PREVIEW_INTERVAL if self.oracle is None else 0.0,
            stop_requested=self.clock.stop_requested,
        )
        while True:
            try:
                snapshot = next(snapshots)
            except StopIteration as end:
                outcome = end.value
                return outcome
            progress = self._progress(work, run, snapshot, begin)
            now = self.clock.seconds
            if now - last_yield >= _PREVIEW_INTERVAL or snapshot.stop_reason is not None:
                last_yield = now
                with self.clock.waiting():
                    yield progress

    def _progress(self, work: Work, run: int, snapshot: Snapshot, begin: float) -> Progress:
        block = work.block
        estimate = self.source.restored(work, snapshot.estimate)
        psnr = None
        if self.oracle:
            final = self.source.task.final(Image(estimate, block.axes)).data
            psnr = self.oracle.look(block, run, snapshot.iteration, final)
        limit = self.config.max_iterations
        assert limit is not None  # the configuration is complete
        now = self.clock.seconds
        fits_left = self._fits_left(block, run) - 1 + (limit - snapshot.iteration) / limit
        seconds_left = (now - begin) / snapshot.iteration * limit * fits_left
        if self.config.time_limit is not None:
            seconds_left = min(seconds_left, self.config.time_limit - now)
        return Progress(
            block=block.index,
            blocks=len(self.plan),
            selection=block.target,
            iteration=snapshot.iteration,
            max_iterations=limit,
            seconds=now,
            seconds_left=max(seconds_left, 0.0),
            loss=snapshot.loss,
            heldout_error=snapshot.heldout_error,
            selected_iteration=snapshot.selected_iteration,
            estimate=estimate,
            psnr=psnr,
        )

    def _fits_left(self, block: blocks.Block, run: int) -> int:
        return (len(self.plan) - block.index) * self.config.runs - run

    def _time_share(self, block: blocks.Block, run: int) -> float | None:
        """Give each of the fits left the same share of the time left [seconds]."""
        if self.config.time_limit is None:
            return None
        left = self.config.time_limit - self.clock.seconds
        return max(left, 0.0) / self._fits_left(block, run)

    def result(self) -> Restoration:
        restored = self.enlarged.with_data(self.mosaic.restored)
        final = self.source.task.final(restored)
        whole = None if self.blocks_left else self.mosaic.restored
        report = make_report(
            image=self.image,
            task=self.source.task,
            config=self.config,
            runtime=self.runtime,
            fits=self.mosaic.fits,
            blocks_left=self.blocks_left,
            noise=tuple(channel.record for channel in self.source.channels),
            seconds=self.clock.seconds,
            invalid_pixels=round(self.invalid_pixels),
            quality=self.oracle.judge(final.data) if self.oracle else {},
            trials=self.trials,
            tiling=self.tiling.record(self.image, whole, len(self.plan), self.mosaic.skipped)
            if self.tiling
            else None,
        )
        complete = all(len(fits) == self.config.runs for _, fits in self.mosaic.fits)
        if not complete or final is not restored:
            return Restoration(final, report)
        return Restoration(final, report, self.mosaic.run_std, self.mosaic.posterior_std)


def _seed(seed: int, block: int, run: int) -> int:
    """Return a seed that depends on the block alone, whatever the order of blocks."""
    return int(np.random.SeedSequence([seed, block, run]).generate_state(1)[0])
