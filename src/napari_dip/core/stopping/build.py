"""Build the stopping rules that a configuration asks for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from napari_dip.core.stopping.held_out import HeldOut
from napari_dip.core.stopping.limits import MaxIterations, StopRequested, TimeLimit
from napari_dip.core.stopping.rules import (
    AnyOf,
    Discrepancy,
    MeasureMinimum,
    NegligibleNoise,
    StoppingRule,
    StopReason,
)
from napari_dip.core.stopping.variance import MovingVariance, WindowedVariance

if TYPE_CHECKING:
    from napari_dip.config import CompleteConfig, StoppingConfig


def build_rule(
    config: CompleteConfig,
    before: int = 0,
    *,
    time_limit: float | None,
    stop_requested: Callable[[], bool],
) -> AnyOf:
    """Return the rule of a configuration, its limits included.

    Parameters
    ----------
    config : CompleteConfig
        Configuration with the rule and its constants.
    before : int
        Number of iterations of the earlier fit that this one resumes.
    time_limit : float or None
        Upper bound of the time of this fit [seconds].
    stop_requested : callable
        Function without arguments that returns whether to stop.
    """
    settings = config.fit
    constants = settings.stopping
    rules: list[StoppingRule] = []
    if config.stop in ("auto", "heldout"):
        rules.append(
            HeldOut(
                constants.heldout_patience,
                constants.heldout_tolerance,
                constants.guard,
                constants.heldout_margin,
            )
        )
    if config.stop in ("auto", "variance"):
        rules.append(_variance_rule(constants, volumes=config.dims == 3))
    if config.stop == "auto" and settings.residual_guard:
        rules.append(NegligibleNoise(constants.least_removed, constants.guard))
    if config.stop == "discrepancy":
        rules.append(Discrepancy(constants.guard))
    if config.stop == "sure":
        rules.append(
            MeasureMinimum(StopReason.RISK_MINIMUM, constants.risk_patience, constants.guard)
        )
    if config.stop == "blocks":
        rules.append(
            MeasureMinimum(StopReason.FEWEST_BLOCKS, constants.blocks_patience, constants.guard)
        )
    rules.append(MaxIterations(before + settings.max_iterations))
    if time_limit is not None:
        rules.append(TimeLimit(time_limit))
    rules.append(StopRequested(stop_requested))
    return AnyOf(rules)


def _variance_rule(constants: StoppingConfig, *, volumes: bool) -> StoppingRule:
    patience, guard = constants.variance_patience, constants.guard
    if constants.variance_of == "moving" or (constants.variance_of == "auto" and volumes):
        return MovingVariance(constants.variance_decay, patience, guard)
    return WindowedVariance(constants.variance_window, patience, guard)
