"""Run: fits the blocks of one restoration, and collects the result."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_dip.core.fitting.solvers import SOLVERS
from napari_dip.core.hardware.device import is_out_of_memory
from napari_dip.core.image.image import Image
from napari_dip.core.report.report import make_report
from napari_dip.core.restoration.accumulator import Accumulator
from napari_dip.core.restoration.block.kept_pixels import KeptPixels
from napari_dip.core.restoration.block.source import BlockSource
from napari_dip.core.restoration.block.warm_start import WarmStarts
from napari_dip.core.restoration.budget import IterationBudget
from napari_dip.core.restoration.oom_fallback import OomFallback
from napari_dip.core.restoration.progress import Progress, Restoration
from napari_dip.core.restoration.resume import KeptCheckpoints
from napari_dip.core.restoration.time_left import TimeLeft
from napari_dip.core.restoration.tuning import tune_plan
from napari_dip.core.restoration.warm_config import config_of_first, config_of_follower
from napari_dip.core.stopping.rules import StopReason
from napari_dip.errors import first_line

if TYPE_CHECKING:
    from napari_dip.config import CompleteConfig
    from napari_dip.core.blocks.plan import Block
    from napari_dip.core.fitting.checkpoint import FitCheckpoint
    from napari_dip.core.fitting.result import Fit, Snapshot
    from napari_dip.core.fitting.timer import Timer
    from napari_dip.core.fitting.tune import Trial
    from napari_dip.core.problem import Problem
    from napari_dip.core.restoration.block.data import BlockData
    from napari_dip.core.restoration.plan import RunPlan
    from napari_dip.core.restoration.reference import Reference

# Shortest time between two previews [seconds]: a viewer sees no more, and more would block
# the thread of a window.
_PREVIEW_INTERVAL = 0.2


@dataclass
class Run:
    """One call of `restore`: its decisions, and the result so far.

    Attributes
    ----------
    plan : RunPlan
        Everything that was decided before the first fit.
    timer : Timer
        Time since the start, without pauses.
    reference : Reference or None
        Known truth, for the report only.
    earlier : mapping of int to sequence of FitCheckpoint
        Checkpoints to resume from: for each block, by its index, one for each run.
    keep_state : bool
        Whether to keep the checkpoints of all fits.
    out : array or None
        Array that receives the result.
    """

    plan: RunPlan
    timer: Timer
    reference: Reference | None
    earlier: Mapping[int, Sequence[FitCheckpoint]]
    keep_state: bool
    out: Any
    _trials: tuple[Trial, ...] = field(default=(), init=False)
    _invalid_pixels: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        plan = self.plan
        self._blocks_left = len(plan.blocks)
        self._source = BlockSource(plan, plan.runtime.device)
        self._oom_fallback = OomFallback(plan.image, plan.possible_tiling, plan.runtime)
        blank = {block.index for block in plan.blocks if self._source.is_blank(block)}
        fitted = [block for block in plan.blocks if block.index not in blank]
        self._warm_starts = WarmStarts(
            fitted if plan.config.warm_start == "on" else [], plan.image.axes
        )
        self._budget = IterationBudget(
            plan.config,
            plan.blocks,
            blank=blank,
            resumed=self.earlier,
            warm_starts=self._warm_starts,
        )
        self._kept_pixels = KeptPixels()
        self._checkpoints = KeptCheckpoints(plan.runtime.device if self.keep_state else None)
        self._accumulator = Accumulator(
            plan.enlarged,
            runs=plan.config.runs > 1,
            sampled=plan.config.posterior_samples is not None,
            out=self.out,
        )

    def tune(self, seconds: float) -> None:
        """Choose the network's width and the learning rate in this time [seconds]."""
        self.plan, self._trials = tune_plan(self.plan, seconds, self.timer)

    def fit_blocks(self) -> Generator[Progress, None, None]:
        """Fit all blocks; where the memory runs out, retry a block with less."""
        for block in self.plan.blocks:
            self._blocks_left -= 1
            while True:
                try:
                    stopped = yield from self._fit_block(block)
                    break
                except (MemoryError, RuntimeError) as error:
                    if not is_out_of_memory(error):
                        raise
                    failure = error.with_traceback(None)  # a traceback would keep the tensors
                if not self._oom_fallback.use_less(block, first_line(failure)):
                    raise failure
                self._source = BlockSource(self.plan, self._oom_fallback.runtime.device)
            self._warm_starts.release(block)
            if stopped:
                return

    def _fit_block(self, block: Block) -> Generator[Progress, None, bool]:
        """Fit a block, or the parts that it was cut into; return whether to stop."""
        for part in self._oom_fallback.parts(block):
            data = self._source.read(part)
            starts = () if part.part else self._starts(data)
            if data.problem is not None:
                fits = yield from self._fit_runs(data, data.problem, starts)
                self._accumulator.put(data, self._source, fits)
                if fits[-1].stop_reason is StopReason.STOP_REQUESTED:
                    return True
                if not part.part:
                    self._keep_checkpoints(data, fits)
            elif data.returns_unchanged:
                self._accumulator.put_unchanged(data, self._source)
            else:
                self._accumulator.skip()
            if data.problem is None and not part.part:
                self._warm_starts.skip(block)
            self._kept_pixels.add(data.block, data.values, data.kept, self.plan.image.axes)
            self._invalid_pixels += data.invalid_pixels
        return False

    def _starts(self, data: BlockData) -> Sequence[FitCheckpoint]:
        return self.earlier.get(data.block.index) or self._warm_starts.starts(data)

    def _fit_runs(
        self, data: BlockData, problem: Problem, starts: Sequence[FitCheckpoint]
    ) -> Generator[Progress, None, list[Fit]]:
        fits: list[Fit] = []
        for run in range(self.plan.config.runs):
            start = starts[run] if run < len(starts) else None
            fits.append((yield from self._fit_once(data, problem, run, start)))
            if fits[-1].stop_reason is StopReason.STOP_REQUESTED:
                break
        return fits

    def _keep_checkpoints(self, data: BlockData, fits: Sequence[Fit]) -> None:
        """Keep the checkpoints of a block for later blocks, and for a resumed run."""
        checkpoints = [fit.checkpoint for fit in fits if fit.checkpoint is not None]
        self._warm_starts.add(data, checkpoints)
        self._checkpoints.add(data.block, checkpoints)

    def _fit_once(
        self, data: BlockData, problem: Problem, run: int, start: FitCheckpoint | None
    ) -> Generator[Progress, None, Fit]:
        """Fit a block once, and turn snapshots into progress on the image's scale."""
        result: Fit
        block, timer = data.block, self.timer
        last_yield, config = -np.inf, self._config(block, start)
        snapshots = self._solve(block, problem, run, start)
        before = 0 if start is None else start.iteration
        last = before + config.max_iterations
        left = TimeLeft(config.fit, (problem.channels, *problem.shape), timer.seconds, before)
        while True:
            try:
                snapshot = next(snapshots)
            except StopIteration as end:
                result = end.value
                return result
            now = timer.seconds
            progress = self._progress(data, run, snapshot, left, last)
            if now - last_yield >= _PREVIEW_INTERVAL or snapshot.stop_reason is not None:
                last_yield = now
                with timer.waiting():
                    yield progress

    def _solve(
        self, block: Block, problem: Problem, run: int, start: FitCheckpoint | None
    ) -> Generator[Snapshot, None, Fit]:
        """Return the generator that finds the estimate of a block."""
        config = self._config(block, start)
        return SOLVERS[config.fit.solver](
            problem,
            config,
            runtime=self._oom_fallback.runtime,
            seed=_seed(config.seed, block, run),
            time_limit=self._budget.time_share(block, run, self.timer.seconds),
            # With a reference every assessment counts, for the best PSNR; else some suffice.
            interval=_PREVIEW_INTERVAL if self.reference is None else 0.0,
            stop_requested=self.timer.stop_requested,
            start_from=start,
            keep_checkpoint=self._warm_starts.has_followers(block) or self._checkpoints.are_kept,
        )

    def _config(self, block: Block, start: FitCheckpoint | None) -> CompleteConfig:
        """Return the configuration of a fit, which depends on its place in a series."""
        config = self.plan.config
        if start is not None:
            return config_of_follower(config) if start.is_warm_start else config
        is_first = self._warm_starts.has_followers(block) and not block.part
        return config_of_first(config) if is_first else config

    def _progress(
        self, data: BlockData, run: int, snapshot: Snapshot, left: TimeLeft, last: int
    ) -> Progress:
        """Return the progress, given what finds the time left, and the last iteration."""
        block, time_limit = data.block, self.plan.config.time_limit
        estimate = self._source.restored(data, snapshot.estimate)
        psnr = None
        if self.reference is not None:
            final = self.plan.task.final(Image(estimate, block.axes)).data
            psnr = self.reference.compare(block, run, snapshot.iteration, final)
        now = self.timer.seconds
        here = last - snapshot.iteration if snapshot.stop_reason is None else 0
        iterations_left = self._budget.iterations_left(block, run + 1) + here
        fits_left = (self._blocks_left + 1) * self.plan.config.runs - run - 1
        seconds_left = left(snapshot, now, iterations_left, fits_left)
        if time_limit is not None:
            within = time_limit - now
            seconds_left = max(min(within if seconds_left is None else seconds_left, within), 0.0)
        return Progress(
            block=block.index,
            blocks=len(self.plan.blocks),
            selection=block.target,
            iteration=snapshot.iteration,
            max_iterations=last,
            seconds=now,
            iterations_left=iterations_left,
            seconds_left=seconds_left,
            loss=snapshot.loss,
            heldout_error=snapshot.heldout_error,
            selected_iteration=snapshot.selected_iteration,
            estimate=estimate,
            psnr=psnr,
        )

    def result(self) -> Restoration:
        """Return the restored image and the report."""
        plan, accumulator = self.plan, self._accumulator
        restored = plan.enlarged.with_data(accumulator.restored)
        final = plan.task.final(restored)
        report = make_report(
            image=plan.image,
            task=plan.task,
            config=plan.config,
            runtime=self._oom_fallback.runtime,
            threads=plan.threads,
            fits=sorted(accumulator.fits, key=lambda fit: fit[0].index),  # not as they were made
            constant=self._kept_pixels.record(),
            returns_noiseless=plan.returns_noiseless,
            blocks_left=self._blocks_left,
            noise=tuple(channel.record for channel in plan.channels),
            seconds=self.timer.seconds,
            invalid_pixels=round(self._invalid_pixels),
            quality={} if self.reference is None else self.reference.evaluate(final.data),
            trials=self._trials,
            warnings=self._oom_fallback.warnings,
            tiling=None
            if plan.tiling is None
            else plan.tiling.record(
                plan.image,
                None if self._blocks_left else accumulator.restored,
                len(plan.blocks),
                accumulator.skipped,
            ),
        )
        all_runs_done = all(len(fits) == plan.config.runs for _, fits in accumulator.fits)
        if not all_runs_done or final is not restored:
            return Restoration(final, report, checkpoints=self._checkpoints.by_block)
        return Restoration(
            final,
            report,
            accumulator.run_std,
            accumulator.posterior_std,
            self._checkpoints.by_block,
        )


def _seed(seed: int, block: Block, run: int) -> int:
    """Return a seed that depends on the block and the run, not on the order of the fits."""
    place = [block.index, run, block.part] if block.part else [block.index, run]
    return int(np.random.SeedSequence([seed, *place]).generate_state(1)[0])
