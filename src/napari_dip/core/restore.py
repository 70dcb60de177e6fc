"""restore(): THE entry. Image in, `Progress` on the way, `Restoration` out."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_dip.config import DipConfig
from napari_dip.core import blocks
from napari_dip.core.channels import Channel, find_channels, seeks_impulses, suited
from napari_dip.core.device import (
    Runtime,
    cpu_settings,
    device_errors,
    find_runtime,
    useful_threads,
)
from napari_dip.core.fit import Fit, Snapshot, fit
from napari_dip.core.image import Image, as_image, mask_invalid
from napari_dip.core.impulses import find_impulses
from napari_dip.core.memory import freed_memory_kept
from napari_dip.core.oracle import Oracle
from napari_dip.core.problem import Problem, make_problem
from napari_dip.core.progress import Progress, Restoration
from napari_dip.core.report import make_report
from napari_dip.core.stopping import StopReason
from napari_dip.core.tune import Trial, tune
from napari_dip.tasks import Denoise

if TYPE_CHECKING:
    from napari_dip.core.operators import Operator
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
        them.

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
    config = (config or DipConfig()).complete(task.preset, task.dims)
    if task.joint:
        config = config.model_copy(update={"channels": "joint"})
    dims = config.dims
    assert dims is not None  # the configuration is complete
    image = as_image(image, config.axes).calibrated(config.voxel_size)
    task.check_noise(config.noise)
    observation = task.observe(image)
    channels = find_channels(observation, config, task)
    config = suited(config, task, channels)
    # It refuses what cannot be done along these axes.
    operator = task.operator(image, blocks.spatial_axes(image, dims))
    enlarged = task.enlarged(image)
    run = _Run(
        image=image,
        observation=observation,
        task=task,
        operator=operator,
        guides=task.guides(image),
        config=config,
        runtime=find_runtime(config.device, config.precision),
        plan=blocks.plan(image, config.channels, dims),
        channels=channels,
        enlarged=enlarged,
        oracle=None if reference is None else Oracle(reference, task.final(enlarged), image.axes),
        stop_requested=stop_requested,
    )
    threads = config.threads or useful_threads(prod(blocks.shape(run.plan[0], image)))
    with device_errors(), cpu_settings(threads), freed_memory_kept():
        if config.tune is not None:
            run.tune()
        yield from run.fit_blocks()
    return run.result()


@dataclass(frozen=True, slots=True)
class _Work:
    """A block, what was observed of it (C, [Z, ]Y, X) on the image's scale, and its problem."""

    block: blocks.Block
    values: NDArray[Any]
    problem: Problem


@dataclass
class _Run:
    """One call of `restore`: what was decided, and the result as it grows."""

    image: Image
    observation: Image
    task: Task
    operator: Operator
    guides: list[Image]
    config: DipConfig
    runtime: Runtime
    plan: list[blocks.Block]
    channels: list[Channel]
    # The image itself, wherever no fit replaces it (alpha, blocks not reached).
    enlarged: Image
    oracle: Oracle | None
    stop_requested: Callable[[], bool]
    start: float = field(default_factory=time.perf_counter)
    fits: list[tuple[blocks.Block, list[Fit]]] = field(default_factory=list)
    invalid_pixels: int = 0
    trials: tuple[Trial, ...] = ()

    def __post_init__(self) -> None:
        self.blocks_left = len(self.plan)
        self.restored = np.array(self.enlarged.data, dtype=np.float32, order="C")
        self.run_std = np.zeros_like(self.restored) if self.config.runs > 1 else None
        sampled = self.config.posterior_samples is not None
        self.posterior_std = np.zeros_like(self.restored) if sampled else None

    def tune(self) -> None:
        """Choose what fits the middle block best; from then on it is the configuration."""
        block = self.plan[len(self.plan) // 2]
        values = blocks.read(self.observation, block)
        valid = self._to_explain(block, values)
        if valid.any():
            problem = self._problem(block, values, valid)
            self.config, self.trials = tune(
                problem, self.config, self.runtime, stop_requested=self.stop_requested
            )
        # The choice can be repeated, not how long it took.
        self.config = self.config.model_copy(update={"tune": None})

    def fit_blocks(self) -> Generator[Progress, None, None]:
        for block in self.plan:
            values = blocks.read(self.observation, block)  # (C, [Z, ]Y, X)
            self.invalid_pixels += int(values.size - mask_invalid(values).sum())
            self.blocks_left -= 1
            constant = self._constant(block, len(values))
            valid = self._to_explain(block, values)
            if valid.any():
                work = _Work(block, values, self._problem(block, values, valid))
                fits = yield from self._fit_runs(work)
                self._keep(work, fits)
                if fits[-1].stop_reason is StopReason.STOP_REQUESTED:
                    return
            elif constant.all():
                shape = self.operator.estimate_shape(values.shape[1:])
                nothing = np.zeros((len(values), *shape), np.float32)
                self.restored[block.selection] = self._unscale(block, nothing)
            # else not one pixel was observed: they stay missing

    def _to_explain(self, block: blocks.Block, values: NDArray[Any]) -> NDArray[np.bool_]:
        """Return True at the pixels of a block that a fit is to explain."""
        valid = mask_invalid(values)
        if seeks_impulses(self.config, self.task):
            valid &= ~_impulses(values)
        valid[self._constant(block, len(values))] = False  # they have nothing to be fitted
        return valid

    def _fit_runs(self, work: _Work) -> Generator[Progress, None, list[Fit]]:
        fits: list[Fit] = []
        for run in range(self.config.runs):
            fits.append((yield from self._fit_once(work, run)))
            if fits[-1].stop_reason is StopReason.STOP_REQUESTED:
                break
        return fits

    def _fit_once(self, work: _Work, run: int) -> Generator[Progress, None, Fit]:
        """Fit a block, turning snapshots into progress on the image's own scale."""
        outcome: Fit
        block = work.block
        fit_start, last_yield = time.perf_counter(), -np.inf
        snapshots = fit(
            work.problem,
            self.config,
            runtime=self.runtime,
            seed=_seed(self.config.seed, block.index, run),
            time_limit=self._time_share(block, run),
            # An oracle looks at every iteration, a user at some.
            interval=_PREVIEW_INTERVAL if self.oracle is None else 0.0,
            stop_requested=self.stop_requested,
        )
        while True:
            try:
                snapshot = next(snapshots)
            except StopIteration as end:
                outcome = end.value
                return outcome
            progress = self._progress(work, run, snapshot, fit_start)
            now = time.perf_counter()
            if now - last_yield >= _PREVIEW_INTERVAL or snapshot.stop_reason is not None:
                last_yield = now
                yield progress
                pause = time.perf_counter() - now
                self.start, fit_start = self.start + pause, fit_start + pause

    def _progress(self, work: _Work, run: int, snapshot: Snapshot, fit_start: float) -> Progress:
        block = work.block
        estimate = self._restored(work, snapshot.estimate)
        psnr = None
        if self.oracle:
            final = self.task.final(Image(estimate, block.axes)).data
            psnr = self.oracle.look(block, run, snapshot.iteration, final)
        limit = self.config.max_iterations
        assert limit is not None  # the configuration is complete
        now = time.perf_counter()
        fits_left = self._fits_left(block, run) - 1 + (limit - snapshot.iteration) / limit
        seconds_left = (now - fit_start) / snapshot.iteration * limit * fits_left
        if self.config.time_limit is not None:
            seconds_left = min(seconds_left, self.start + self.config.time_limit - now)
        return Progress(
            block=block.index,
            blocks=len(self.plan),
            selection=block.selection,
            iteration=snapshot.iteration,
            max_iterations=limit,
            seconds=now - self.start,
            seconds_left=max(seconds_left, 0.0),
            loss=snapshot.loss,
            heldout_error=snapshot.heldout_error,
            selected_iteration=snapshot.selected_iteration,
            estimate=estimate,
            psnr=psnr,
        )

    def _problem(
        self, block: blocks.Block, values: NDArray[Any], valid: NDArray[np.bool_]
    ) -> Problem:
        channels = [self._channel(block, index) for index in range(len(values))]
        scaled = [
            channel.scaling.scale(np.where(known, plane, 0))
            for channel, plane, known in zip(channels, values, valid, strict=True)
        ]
        return make_problem(
            np.stack(scaled),
            valid,
            [channel.noise for channel in channels],
            (
                min(channel.scaling.low for channel in channels),
                max(channel.scaling.high for channel in channels),
            ),
            self.runtime.device,
            self.operator,
            self._guide(block),
            _anisotropy(self.enlarged),
        )

    def _guide(self, block: blocks.Block) -> NDArray[np.float32] | None:
        channels = [blocks.read(guide, block)[0] for guide in self.guides]
        return np.stack(channels).astype(np.float32) if channels else None

    def _channel(self, block: blocks.Block, index: int) -> Channel:
        """Return what holds for a fitted channel; the samples of RGB share one."""
        return self.channels[block.channels[index] if block.channels else 0]

    def _constant(self, block: blocks.Block, count: int) -> NDArray[np.bool_]:
        """Tell which of the fitted channels are constant, (C,)."""
        return np.array([self._channel(block, index).scaling.constant for index in range(count)])

    def _unscale(self, block: blocks.Block, estimate: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return a (C, [Z, ]Y, X) estimate as the image's array has it at the block."""
        planes = [
            self._channel(block, index).scaling.unscale(plane)
            for index, plane in enumerate(estimate)
        ]
        return blocks.from_channels_first(np.stack(planes), block)

    def _restored(self, work: _Work, estimate: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what the user gets for a (C, [Z, ]Y, X) estimate, as the array has it."""
        observed = blocks.from_channels_first(work.values, work.block)
        return self.task.merge(self._unscale(work.block, estimate), observed)

    def _keep(self, work: _Work, fits: list[Fit]) -> None:
        block = work.block
        estimates = np.stack([self._restored(work, outcome.estimate) for outcome in fits])
        self.restored[block.selection] = estimates.mean(axis=0)
        if self.run_std is not None:
            self.run_std[block.selection] = estimates.std(axis=0)
        if self.posterior_std is not None:
            spreads = [self._spread(work, outcome) for outcome in fits]
            self.posterior_std[block.selection] = np.sqrt(np.mean(np.square(spreads), axis=0))
        self.fits.append((block, fits))

    def _spread(self, work: _Work, outcome: Fit) -> NDArray[np.float32]:
        """Return a fit's posterior deviation on the image's scale; 0 where the image is kept."""
        if outcome.posterior_std is None:
            return np.full_like(self._restored(work, outcome.estimate), np.nan)
        above = self._restored(work, outcome.estimate + outcome.posterior_std)
        return np.asarray(np.abs(above - self._restored(work, outcome.estimate)))

    def _fits_left(self, block: blocks.Block, run: int) -> int:
        return (len(self.plan) - block.index) * self.config.runs - run

    def _time_share(self, block: blocks.Block, run: int) -> float | None:
        """Give each of the fits left the same share of the time left [seconds]."""
        if self.config.time_limit is None:
            return None
        left = self.config.time_limit - (time.perf_counter() - self.start)
        return max(left, 0.0) / self._fits_left(block, run)

    def result(self) -> Restoration:
        restored = self.enlarged.with_data(self.restored)
        final = self.task.final(restored)
        report = make_report(
            image=self.image,
            task=self.task,
            config=self.config,
            runtime=self.runtime,
            fits=self.fits,
            blocks_left=self.blocks_left,
            noise=tuple(channel.record for channel in self.channels),
            seconds=time.perf_counter() - self.start,
            invalid_pixels=self.invalid_pixels,
            quality=self.oracle.judge(final.data) if self.oracle else {},
            trials=self.trials,
        )
        complete = all(len(fits) == self.config.runs for _, fits in self.fits)
        if not complete or final is not restored:
            return Restoration(final, report)
        sampled = all(fit.posterior_std is not None for _, fits in self.fits for fit in fits)
        return Restoration(final, report, self.run_std, self.posterior_std if sampled else None)


def _impulses(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Tell which pixels of a block (C, [Z, ]Y, X) are impulses, plane by plane."""
    planes = values.reshape(-1, *values.shape[-2:])
    return np.stack([find_impulses(plane) for plane in planes]).reshape(values.shape)


def _anisotropy(image: Image) -> float:
    """Return the spacing of planes over that of pixels; 1 where it is not known."""
    known = [image.voxel_size.get(axis, 0.0) for axis in "ZYX"]
    units = {image.units.get(axis) for axis in "ZYX"}
    return 2 * known[0] / (known[1] + known[2]) if all(known) and len(units) == 1 else 1.0


def _seed(seed: int, block: int, run: int) -> int:
    """Return a seed that depends on the block alone, whatever the order of blocks."""
    return int(np.random.SeedSequence([seed, block, run]).generate_state(1)[0])
