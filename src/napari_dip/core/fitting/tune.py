"""Tune: choose the width of the network and the learning rate by the held-out error."""

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

    from napari_dip.config import CompleteConfig, FitConfig
    from napari_dip.core.hardware.device import Runtime
    from napari_dip.core.problem import Problem

# Largest side of the middle of a block, which a trial fits [pixels].
_CROP = 128
# Upper bound of the iterations of a trial.
_ITERATIONS = 300
# Widths, and range of the learning rate, in units of those of the configuration.
_WIDTHS = (0.5, 1.0, 2.0)
_RATES = (0.25, 4.0)
# Fewest held-out pixels whose error is precise enough to choose by.
_HELDOUT = 32
# Random trials before the sampler learns from them.
_AT_RANDOM = 4


@dataclass(frozen=True, slots=True)
class Trial:
    """A width and a learning rate, and the held-out error of a short fit with them.

    Attributes
    ----------
    width, learning_rate : float
        Factors of the width and the learning rate of the configuration.
    heldout_error : float
        Lowest mean nll of the held-out pixels; 1 where the residual equals the noise.
    """

    width: float
    learning_rate: float
    heldout_error: float


def tune(
    problem: Problem,
    config: CompleteConfig,
    runtime: Runtime,
    *,
    seconds: float,
    stop_requested: Callable[[], bool] = lambda: False,
) -> tuple[CompleteConfig, tuple[Trial, ...]]:
    """Choose width and learning rate by short fits to the middle of a block.

    Parameters
    ----------
    problem : Problem
        Block of the image.
    config : CompleteConfig
        Configuration to improve; it is the first trial.
    runtime : Runtime
        Device and precision.
    seconds : float
        Time for all trials [seconds]; at most half of the configuration's time limit is used.
    stop_requested : callable, optional
        Function without arguments; once it returns True no further trial starts.

    Returns
    -------
    CompleteConfig
        Configuration with the width and the learning rate of the best trial.
    tuple of Trial
        Trials that ended in time. The seed determines their order, and the time their number.

    Raises
    ------
    UsageError
        Optuna is not installed.

    References
    ----------
    T. Akiba et al., "Optuna: a next-generation hyperparameter optimization
    framework", KDD 2019.
    """
    if config.stop in ("variance", "sure"):
        # Held-out pixels cannot separate correlated noise from structure.
        return config, ()
    middle = problem.middle(_CROP)
    # The channels of a pixel count once.
    pixels = int(middle.valid.any(dim=1).sum())
    if pixels * config.fit.stopping.heldout_fraction < _HELDOUT:
        return config, ()
    study = _study(config.seed)
    # Given weights have one width only.
    widths = _WIDTHS if config.fit.network_weights is None else (1.0,)
    # At least half of the run's time is left for the result.
    seconds = min(seconds, (config.time_limit or float("inf")) / 2)
    timer = Timer(stop_requested)
    trials: list[Trial] = []
    while (left := seconds - timer.seconds) > 0 and not timer.stop_requested():
        proposal = study.ask()
        width = proposal.suggest_categorical("width", widths)
        rate = proposal.suggest_float("learning_rate", *_RATES, log=True)
        candidate = config.model_copy(update={"fit": _scaled(config.fit, width, rate)})
        error = _heldout_error(middle, candidate, runtime, left, timer.stop_requested)
        if error is None:
            break
        study.tell(proposal, error)
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
    # The configuration itself is the first trial.
    study.enqueue_trial({"width": 1.0, "learning_rate": 1.0})
    return study


def _scaled(settings: FitConfig, width: float, rate: float) -> FitConfig:
    """Return settings with the widths and the learning rate multiplied by factors."""
    channels = tuple(max(round(width * n), 1) for n in settings.network.channels)
    network = settings.network.model_copy(update={"channels": channels})
    return settings.model_copy(
        update={"network": network, "learning_rate": rate * settings.learning_rate}
    )


def _heldout_error(
    problem: Problem,
    config: CompleteConfig,
    runtime: Runtime,
    time_limit: float,
    stop_requested: Callable[[], bool],
) -> float | None:
    """Return the lowest held-out error of a fit; None if the fit ended early."""
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
            return None  # an unfinished fit cannot be compared
        errors.append(snapshot.heldout_error)
    return min(errors)
