"""Configuration of warm starts: whether to use them, and of the first and the later fits."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_dip.config import CompleteConfig, TaskName, WarmStart


def choose_warm_start(config: CompleteConfig, task: TaskName) -> WarmStart:
    """Return "on" or "off"; "auto" depends on the task and the latent.

    A network whose input is the observation learns to separate noise from structure, which
    helps with the next plane as well. A network whose input is noise learns the plane itself.
    """
    if config.fit.is_learned or config.fit.kspace_start == "learned":
        return "off"  # each plane starts from the weights that come with the package
    if config.warm_start != "auto":
        return config.warm_start
    helps = task == "denoise" and config.fit.latent == "observation" and config.dims == 2
    return "on" if helps else "off"


def config_of_first(config: CompleteConfig) -> CompleteConfig:
    """Return the configuration of the first fit of a series.

    All later fits start from its weights, so it runs to its last iteration; the rule still
    selects the estimate.
    """
    patience = dict.fromkeys(("heldout_patience", "variance_patience"), config.max_iterations)
    stopping = config.fit.stopping.model_copy(update=patience)
    fit = config.fit.model_copy(update={"stopping": stopping})
    return config.model_copy(update={"fit": fit})


def config_of_follower(config: CompleteConfig) -> CompleteConfig:
    """Return the configuration of a fit that starts from the weights of its neighbour.

    It has too few iterations for a rule to see a minimum, and the error at a few held-out
    pixels is less reliable than the latest average.
    """
    limit = min(config.fit.warm_iterations, config.fit.max_iterations)
    fit = config.fit.model_copy(update={"max_iterations": limit})
    # The spread of posterior samples is calibrated at held-out pixels.
    stop = config.stop if config.posterior_samples else "none"
    return config.model_copy(update={"fit": fit, "max_iterations": limit, "stop": stop})
