"""Run: the fits of one call of `restore`, block by block, and the result as it grows."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_dip.core.fitting.fit import fit
from napari_dip.core.fitting.tune import Trial, tune
from napari_dip.core.hardware.device import first_line, is_out_of_memory
from napari_dip.core.hardware.memory import free_memory
from napari_dip.core.image.image import Image
from napari_dip.core.report.report import make_report
from napari_dip.core.restoration.accumulator import Accumulator
from napari_dip.core.restoration.kept_pixels import KeptPixels
from napari_dip.core.restoration.progress import Progress, Restoration
from napari_dip.core.restoration.warm_start import WarmStarts
from napari_dip.core.stopping.rules import StopReason

if TYPE_CHECKING:
    from napari_dip.config import DipConfig
    from napari_dip.core.blocks.plan import Block
    from napari_dip.core.blocks.tiles import Tiling
    from napari_dip.core.fitting.checkpoint import FitCheckpoint
    from napari_dip.core.fitting.result import Fit, Snapshot
    from napari_dip.core.fitting.timer import Timer
    from napari_dip.core.problem import Problem
    from napari_dip.core.restoration.block_problem import BlockData, BlockSource
    from napari_dip.core.restoration.oom_fallback import OomFallback
    from napari_dip.core.restoration.reference import Reference

# Shortest time between two previews [seconds]: an eye sees no more, and a GUI
# thread must not drown in them.
_PREVIEW_INTERVAL = 0.2
# This share of the free memory may be taken by what fits are gone on from.
_SHARE_OF_ENDINGS = 0.1


@dataclass
class Run:
    """One call of `restore`: what was decided, and the result as it grows."""

    image: Image
    source: BlockSource
    config: DipConfig
    plan: list[Block]
    threads: int
    tiling: Tiling | None
    oom_fallback: OomFallback
    # The image itself, wherever no fit replaces it (alpha, blocks not reached).
    enlarged: Image
    oracle: Reference | None
    clock: Timer
    # Of an earlier run, by index of the block, one for each of its fits.
    earlier: Mapping[int, Sequence[FitCheckpoint]]
    keep_state: bool
    out: Any
    invalid_pixels: float = 0.0
    trials: tuple[Trial, ...] = ()

    def __post_init__(self) -> None:
        self.blocks_left = len(self.plan)
        # Blocks that need no fit, as far as that can be seen without reading a file.
        self._blank = {block.index for block in self.plan if self.source.is_blank(block)}
        fitted = [block for block in self.plan if block.index not in self._blank]
        self.series = WarmStarts(fitted if self.config.warm_start == "on" else [], self.image.axes)
        self.kept = KeptPixels()
        self.checkpoints: dict[int, Sequence[FitCheckpoint]] | None = (
            {} if self.keep_state else None
        )
        self._room = _SHARE_OF_ENDINGS * free_memory(self.oom_fallback.runtime.device)
        self.accumulator = Accumulator(
            self.enlarged,
            runs=self.config.runs > 1,
            sampled=self.config.posterior_samples is not None,
            out=self.out,
        )

    def tune(self) -> None:
        """Choose what fits the middle block best; from then on it is the configuration."""
        middle = len(self.plan) // 2
        nearest = sorted(self.plan, key=lambda block: abs(block.index - middle))
        problems = (self.source.work(block).problem for block in nearest)
        problem = next((problem for problem in problems if problem is not None), None)
        if problem is not None:
            self.config, self.trials = tune(
                problem,
                self.config,
                self.oom_fallback.runtime,
                stop_requested=self.clock.stop_requested,
            )
        # The choice can be repeated, not how long it took.
        self.config = self.config.model_copy(update={"tune": None})

    def fit_blocks(self) -> Generator[Progress, None, None]:
        for block in self.plan:
            self.blocks_left -= 1
            while True:
                try:
                    stopped = yield from self._fit_block(block)
                    break
                except (MemoryError, RuntimeError) as error:
                    if not is_out_of_memory(error):
                        raise
                    failure = error.with_traceback(None)  # else it would hold the tensors
                if not self.oom_fallback.descend(block, first_line(failure)):
                    raise failure
                self.source = replace(self.source, device=self.oom_fallback.runtime.device)
            self.series.leave(block)
            if stopped:
                return

    def _fit_block(self, block: Block) -> Generator[Progress, None, bool]:
        """Fit a block, or the parts that it had to be cut into; return whether to stop."""
        for part in self.oom_fallback.parts(block):
            work = self.source.work(part)
            starts = () if part.part else self._starts(work)
            if work.problem is not None:
                fits = yield from self._fit_runs(work, work.problem, starts)
                self.accumulator.put(work, self.source, fits)
                if fits[-1].stop_reason is StopReason.STOP_REQUESTED:
                    return True
                if not part.part:
                    self._keep(work, fits)
            elif work.comes_back:
                self.accumulator.keep(work, self.source)
            else:
                self.accumulator.skip(work)
            if work.problem is None and not part.part:
                self.series.skip(block)
            self.kept.add(work.block, work.values, work.kept, self.image.axes)
            self.invalid_pixels += work.invalid_pixels
        return False

    def _starts(self, work: BlockData) -> Sequence[FitCheckpoint]:
        return self.earlier.get(work.block.index) or self.series.starts(work)

    def _fit_runs(
        self, work: BlockData, problem: Problem, starts: Sequence[FitCheckpoint]
    ) -> Generator[Progress, None, list[Fit]]:
        fits: list[Fit] = []
        for run in range(self.config.runs):
            start = starts[run] if run < len(starts) else None
            fits.append((yield from self._fit_once(work, problem, run, start)))
            if fits[-1].stop_reason is StopReason.STOP_REQUESTED:
                break
        return fits

    def _keep(self, work: BlockData, fits: Sequence[Fit]) -> None:
        """Keep where the fits of a block ended, as long as somebody may go on from there."""
        checkpoints = [fit.checkpoint for fit in fits if fit.checkpoint is not None]
        self.series.add(work, checkpoints)
        if self.checkpoints is None:
            return
        self.checkpoints[work.block.index] = checkpoints
        self._room -= sum(checkpoint.bytes for checkpoint in checkpoints)
        if self._room < 0:
            self.checkpoints = None

    def _fit_once(
        self, work: BlockData, problem: Problem, run: int, start: FitCheckpoint | None
    ) -> Generator[Progress, None, Fit]:
        """Fit a block, turning snapshots into progress on the image's own scale."""
        outcome: Fit
        block = work.block
        begin, last_yield = self.clock.seconds, -np.inf
        config = self._config(block, start)
        snapshots = fit(
            problem,
            config,
            runtime=self.oom_fallback.runtime,
            seed=_seed(self.config.seed, block, run),
            time_limit=self._time_share(block, run),
            # An oracle looks at every iteration, a user at some.
            interval=_PREVIEW_INTERVAL if self.oracle is None else 0.0,
            stop_requested=self.clock.stop_requested,
            start_from=start,
            keep_ending=self.series.is_followed(block) or self.checkpoints is not None,
        )
        before = 0 if start is None else start.iteration
        limit = config.max_iterations
        assert limit is not None  # the configuration is complete
        while True:
            try:
                snapshot = next(snapshots)
            except StopIteration as end:
                outcome = end.value
                return outcome
            progress = self._progress(work, run, snapshot, begin, before, limit)
            now = self.clock.seconds
            if now - last_yield >= _PREVIEW_INTERVAL or snapshot.stop_reason is not None:
                last_yield = now
                with self.clock.waiting():
                    yield progress

    def _config(self, block: Block, start: FitCheckpoint | None) -> DipConfig:
        """Return how a block is fitted: where a neighbour's fit ended, or for those to come."""
        if start is not None:
            return self.config.for_warm_start() if start.is_warm else self.config
        followed = self.series.is_followed(block) and not block.part
        return self.config.for_first_of_series() if followed else self.config

    def _progress(
        self, work: BlockData, run: int, snapshot: Snapshot, begin: float, before: int, limit: int
    ) -> Progress:
        block = work.block
        estimate = self.source.restored(work, snapshot.estimate)
        psnr = None
        if self.oracle:
            final = self.source.task.final(Image(estimate, block.axes)).data
            psnr = self.oracle.look(block, run, snapshot.iteration, final)
        now = self.clock.seconds
        done = snapshot.iteration - before
        left = self._iterations_left(block, run + 1) + limit - done
        seconds_left = (now - begin) / done * left
        if self.config.time_limit is not None:
            seconds_left = min(seconds_left, self.config.time_limit - now)
        return Progress(
            block=block.index,
            blocks=len(self.plan),
            selection=block.target,
            iteration=snapshot.iteration,
            max_iterations=before + limit,
            seconds=now,
            iterations_left=left,
            seconds_left=max(seconds_left, 0.0),
            loss=snapshot.loss,
            heldout_error=snapshot.heldout_error,
            selected_iteration=snapshot.selected_iteration,
            estimate=estimate,
            psnr=psnr,
        )

    def _iterations_left(self, block: Block, run: int) -> int:
        """Return how many there will be from a run of a block on, at most."""
        after = self._ahead[block.index + 1]
        return self.config.runs * after + (self.config.runs - run) * self._iterations(block)

    @cached_property
    def _ahead(self) -> list[int]:
        """For each block, how many iterations a run of it and of all after it is given."""
        backwards = accumulate(map(self._iterations, reversed(self.plan)), initial=0)
        return list(backwards)[::-1]

    def _iterations(self, block: Block) -> int:
        """Return how many a run of a block is given; none if it needs no fit."""
        if block.index in self._blank:
            return 0
        warm = block.index not in self.earlier and self.series.follows(block)
        limit = (self.config.for_warm_start() if warm else self.config).max_iterations
        assert limit is not None  # the configuration is complete
        return limit

    def _time_share(self, block: Block, run: int) -> float | None:
        """Share the time left among the fits left, by their iterations [seconds]."""
        if self.config.time_limit is None:
            return None
        left = self.config.time_limit - self.clock.seconds
        return max(left, 0.0) * self._iterations(block) / self._iterations_left(block, run)

    def result(self) -> Restoration:
        restored = self.enlarged.with_data(self.accumulator.restored)
        final = self.source.task.final(restored)
        whole = None if self.blocks_left else self.accumulator.restored
        report = make_report(
            image=self.image,
            task=self.source.task,
            config=self.config,
            runtime=self.oom_fallback.runtime,
            threads=self.threads,
            fits=self.accumulator.fits,
            constant=self.kept.record(),
            returns_noiseless=self.source.returns_noiseless,
            blocks_left=self.blocks_left,
            noise=tuple(channel.record for channel in self.source.channels),
            seconds=self.clock.seconds,
            invalid_pixels=round(self.invalid_pixels),
            quality=self.oracle.judge(final.data) if self.oracle else {},
            trials=self.trials,
            told=self.oom_fallback.told,
            tiling=self.tiling.record(self.image, whole, len(self.plan), self.accumulator.skipped)
            if self.tiling
            else None,
        )
        complete = all(len(fits) == self.config.runs for _, fits in self.accumulator.fits)
        if not complete or final is not restored:
            return Restoration(final, report, checkpoints=self.checkpoints)
        return Restoration(
            final,
            report,
            self.accumulator.run_std,
            self.accumulator.posterior_std,
            self.checkpoints,
        )


def _seed(seed: int, block: Block, run: int) -> int:
    """Return a seed that depends on the block alone, whatever the order of blocks."""
    place = [block.index, run, block.part] if block.part else [block.index, run]
    return int(np.random.SeedSequence([seed, *place]).generate_state(1)[0])
