"""Tune: choose the network's width and the learning rate by the error at held-out pixels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_dip.core.fitting.fit import fit
from napari_dip.core.fitting.timer import Timer
from napari_dip.core.stopping.rules import StopReason
from napari_dip.errors import UsageError
from napari_dip.optional import require

if TYPE_CHECKING:
    from typing import Any

    from napari_dip.config import DipConfig, FitConfig
    from napari_dip.core.hardware.device import Runtime
    from napari_dip.core.problem import Problem

# A trial fits the middle of a block, so large at most along each axis [pixels] ...
_CROP = 128
# ... and for so many iterations at most.
_ITERATIONS = 300
# Widths and learning rates around those of the preset.
_WIDTHS = (0.5, 1.0, 2.0)
_RATES = (0.25, 4.0)
# Fewer held-out pixels than this tell too little to choose by.
_HELDOUT = 32
# Trials at random before the sampler learns from them.
_AT_RANDOM = 4


@dataclass(frozen=True, slots=True)
class Trial:
    """One choice, and how well it predicted the pixels that were hidden from it.

    Attributes
    ----------
    width, learning_rate : float
        Times those of the preset.
    heldout_error : float
        Lowest mean nll of the held-out pixels; 1 where only noise is left.
    """

    width: float
    learning_rate: float
    heldout_error: float


def tune(
    problem: Problem,
    config: DipConfig,
    runtime: Runtime,
    *,
    stop_requested: Callable[[], bool] = lambda: False,
) -> tuple[DipConfig, tuple[Trial, ...]]:
    """Choose width and learning rate by short fits to the middle of a block.

    Parameters
    ----------
    problem : Problem
        A block of the image.
    config : DipConfig
        Complete; `tune` says for how long [seconds].
    runtime : Runtime
        Device and precision.
    stop_requested : callable
        Once True, no further trial is made. It may wait before it answers.

    Returns
    -------
    DipConfig
        The given one, which is the first trial, with the best width and rate.
    tuple of Trial
        Those that were ended in time. The seed decides them and their order,
        the time how many there are.

    Raises
    ------
    UsageError
        Optuna is not installed.

    References
    ----------
    T. Akiba et al., "Optuna: a next-generation hyperparameter optimization
    framework", KDD 2019.
    """
    assert config.fit is not None  # the configuration is complete
    assert config.tune is not None  # the caller has asked
    if config.stop in (
        "variance",
        "risk",
    ):  # held-out pixels cannot tell correlated noise from structure
        return config, ()
    middle = problem.middle(_CROP)
    # Channels of a pixel count once.
    pixels = int(middle.valid.any(dim=1).sum())
    if pixels * config.fit.stopping.heldout_fraction < _HELDOUT:
        return config, ()
    study = _study(config.seed)
    # Weights that are given fit one width only.
    widths = _WIDTHS if config.fit.network_weights is None else (1.0,)
    # At least half of the time that the whole run has is left for the result.
    seconds = min(config.tune, (config.time_limit or float("inf")) / 2)
    clock = Timer(stop_requested)
    trials: list[Trial] = []
    while (left := seconds - clock.seconds) > 0 and not clock.stop_requested():
        asked = study.ask()
        width = asked.suggest_categorical("width", widths)
        rate = asked.suggest_float("learning_rate", *_RATES, log=True)
        chosen = config.model_copy(update={"fit": _scaled(config.fit, width, rate)})
        error = _heldout_error(middle, chosen, runtime, left, clock.stop_requested)
        if error is None:
            break
        study.tell(asked, error)
        trials.append(Trial(width, rate, error))
    if not trials:
        return config, ()
    best = min(trials, key=lambda trial: trial.heldout_error)
    fitting = _scaled(config.fit, best.width, best.learning_rate)
    return config.model_copy(update={"fit": fitting}), tuple(trials)


def _study(seed: int) -> Any:
    require("optuna", "tune", UsageError)
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=_AT_RANDOM)
    study = optuna.create_study(sampler=sampler)
    # What is not tuned is tried too, and first.
    study.enqueue_trial({"width": 1.0, "learning_rate": 1.0})
    return study


def _scaled(settings: FitConfig, width: float, rate: float) -> FitConfig:
    """Return other widths, and another learning rate, in units of those given."""
    channels = tuple(max(round(width * n), 1) for n in settings.network.channels)
    network = settings.network.model_copy(update={"channels": channels})
    return settings.model_copy(
        update={"network": network, "learning_rate": rate * settings.learning_rate}
    )


def _heldout_error(
    problem: Problem,
    config: DipConfig,
    runtime: Runtime,
    time_limit: float,
    stop_requested: Callable[[], bool],
) -> float | None:
    """Return the lowest error of a fit at held-out pixels; None if it was cut short."""
    assert config.fit is not None
    fitting = config.fit.model_copy(
        update={"max_iterations": min(_ITERATIONS, config.fit.max_iterations)}
    )
    config = config.model_copy(
        update={
            "fit": fitting,
            "max_iterations": fitting.max_iterations,
            "stop": "heldout",
            "posterior_samples": None,
        }
    )
    errors = []
    for snapshot in fit(
        problem,
        config,
        runtime=runtime,
        time_limit=time_limit,
        interval=0.0,
        stop_requested=stop_requested,
    ):
        if snapshot.heldout_error is None or snapshot.stop_reason in (
            StopReason.TIME_LIMIT,
            StopReason.STOP_REQUESTED,
        ):
            return None  # not one of those that can be compared
        errors.append(snapshot.heldout_error)
    return min(errors)
