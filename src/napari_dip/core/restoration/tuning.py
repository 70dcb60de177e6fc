"""Tuning: choose width and learning rate of a plan by short fits to one of its blocks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from napari_dip.core.fitting.tune import tune
from napari_dip.core.restoration.block.source import BlockSource

if TYPE_CHECKING:
    from napari_dip.core.fitting.timer import Timer
    from napari_dip.core.fitting.tune import Trial
    from napari_dip.core.restoration.plan import RunPlan


def tune_plan(plan: RunPlan, seconds: float, timer: Timer) -> tuple[RunPlan, tuple[Trial, ...]]:
    """Choose the network's width and the learning rate on the middle block with data.

    Parameters
    ----------
    plan : RunPlan
        Plan whose configuration is tuned.
    seconds : float
        Time for all trials [seconds].
    timer : Timer
        Request to stop.

    Returns
    -------
    RunPlan
        Plan with the best configuration. It asks for no further tuning: a repeated run uses
        the choice, since the number of trials depends on the machine.
    tuple of Trial
        All trials.
    """
    source = BlockSource(plan, plan.runtime.device)
    middle = len(plan.blocks) // 2
    nearest = sorted(plan.blocks, key=lambda block: (abs(block.index - middle), block.index))
    problems = (source.read(block).problem for block in nearest)
    problem = next((problem for problem in problems if problem is not None), None)
    config = plan.config
    trials: tuple[Trial, ...] = ()
    if problem is not None:
        config, trials = tune(
            problem,
            plan.config,
            plan.runtime,
            seconds=seconds,
            stop_requested=timer.stop_requested,
        )
    return replace(plan, config=config.model_copy(update={"tune": None})), trials
