"""Fit settings of a learned start: a network trained in advance, fitted to the image briefly."""

from napari_dip.config.dip import CompleteConfig
from napari_dip.config.fit import FitConfig
from napari_dip.config.names import Preset, TaskName
from napari_dip.config.network import NetworkConfig
from napari_dip.config.presets import preset_of
from napari_dip.config.stopping import StoppingConfig

# The network that the weights in the package belong to.
LEARNED_NETWORK = NetworkConfig(
    name="residual-unet",
    channels=(64, 80, 96),
    blocks=(3, 1, 1),
    skip_channels=0,
    pixel_shuffle=2,
    padding="zeros",
)
_LONG = FitConfig(
    network=LEARNED_NETWORK,
    latent="recorrupted",
    optimiser="muon",
    learning_rate=0.001,
    reveal_every=8,
    averaging=0.97,
    residual_guard=True,
    collaborative_filter=True,
    max_iterations=24,
    # The first estimate counts, too: the last one is selected unless another is clearly better,
    # and weighed with the first.
    stopping=StoppingConfig(guard=0, heldout_margin=2.0),
)

_SHORT = _LONG.model_copy(update={"max_iterations": 6, "reveal_every": 6, "window": 96})

LEARNED: dict[Preset, FitConfig] = {"balanced": _LONG, "fast": _SHORT}
# A fit improves single grey planes less than colours (docs/notebook/networks.md).
LEARNED_GREY: dict[Preset, FitConfig] = {
    "balanced": _LONG.model_copy(update={"max_iterations": 10, "reveal_every": 10}),
    "fast": _LONG.model_copy(update={"max_iterations": 0}),
}

# Settings of the tasks that a learned denoiser solves together with the observation.
PLUG_AND_PLAY: dict[Preset, FitConfig] = {
    "balanced": FitConfig(solver="plug-and-play", network=LEARNED_NETWORK, max_iterations=24),
    "fast": FitConfig(solver="plug-and-play", network=LEARNED_NETWORK, max_iterations=12),
}
# Noise levels where pixels are missing, with both presets (docs/notebook/missing-pixels.md).
_LEVELS_OF_MISSING = 24
# A fit of `balanced` is better for blur, and takes longer.
_SOLVED: dict[Preset, tuple[TaskName, ...]] = {
    "balanced": ("super-resolve", "inpaint"),
    "fast": ("super-resolve", "inpaint", "deconvolve"),
}

# Number of neighbours on each side of a plane that the weights for stacks see.
NEIGHBOURS = 2
# Numbers of channels that the package has weights for.
_CHANNELS = (1, 3)
# The same, for weights that have seen coarse noise.
_COARSE_CHANNELS = (1,)
# Rules that can decide within some dozens of iterations whether the fit improves the start.
_RULES = ("auto", "heldout", "none")


def suits_learned_start(
    config: CompleteConfig, task: TaskName, channels: int, *, coarse_noise: bool = False
) -> bool:
    """Return whether a restoration starts from the weights that come with the package.

    A learned start suits the denoising of planes in a single run with the settings of a preset.

    Parameters
    ----------
    config : CompleteConfig
        Configuration of the restoration.
    task : str
        Name of the presets of the task.
    channels : int
        Number of channels of one fit.
    coarse_noise : bool
        Whether the noise of neighbouring pixels is correlated. Default False.
    """
    return (
        task == "denoise"
        and channels in (_COARSE_CHANNELS if coarse_noise else _CHANNELS)
        and config.dims == 2
        and config.stop in _RULES
        and _starts_learned(config, task)
    )


def suits_plug_and_play(config: CompleteConfig, task: TaskName) -> bool:
    """Return whether a learned denoiser solves a task, instead of a fit.

    Parameters
    ----------
    config : CompleteConfig
        Configuration of the restoration.
    task : str
        Name of the presets of the task. Its operator must be linear and fixed.
    """
    return (
        task in _SOLVED.get(config.preset, ())
        and config.dims == 2
        and config.stop in ("auto", "none")
        and _starts_learned(config, task)
    )


def plug_and_play_fit(config: CompleteConfig, task: TaskName) -> FitConfig:
    """Return the settings of a learned denoiser, with the iterations that were chosen."""
    fit = PLUG_AND_PLAY[config.preset]
    if task == "inpaint":
        fit = fit.model_copy(update={"max_iterations": _LEVELS_OF_MISSING})
    return _with_chosen_iterations(fit, config, task)


def learned_fit(
    config: CompleteConfig, *, channels: int, coarse_noise: bool, neighbours: bool
) -> FitConfig:
    """Return the fit settings of a learned start.

    Parameters
    ----------
    config : CompleteConfig
        Configuration that suits a learned start.
    channels : int
        Number of channels of one fit.
    coarse_noise : bool
        Whether the noise of neighbouring pixels is correlated. Held-out pixels cannot judge a
        fit then, so the first answer is the result.
    neighbours : bool
        Whether planes have neighbours that the network can see.
    """
    presets = LEARNED_GREY if channels == 1 and not neighbours else LEARNED
    fit = _with_chosen_iterations(presets[config.preset], config, "denoise")
    changes: dict[str, int] = {}
    if coarse_noise or not config.fit.max_iterations:
        changes |= {"max_iterations": 0, "collaborative_filter": False}
    if neighbours:
        changes["neighbours"] = NEIGHBOURS
    return fit.model_copy(update=changes)


def suits_learned_kspace(config: CompleteConfig, task: TaskName) -> bool:
    """Return whether k-space is completed with the weights that come with the package.

    The restoration has the settings of a preset and holds frequencies out, which then decide
    between the learned denoiser and total variation.

    Parameters
    ----------
    config : CompleteConfig
        Configuration of the restoration.
    task : str
        Name of the presets of the task.
    """
    of_rule = config.stop in ("auto", "heldout")
    return task == "fourier" and of_rule and _starts_learned(config, task)


def suits_denoised_candidate(config: CompleteConfig, task: TaskName) -> bool:
    """Return whether a deconvolution is averaged with the estimate of a learned denoiser.

    The restoration of planes has the settings of a preset and holds photons out, which then
    decide between both estimates.

    Parameters
    ----------
    config : CompleteConfig
        Configuration of the restoration.
    task : str
        Name of the presets of the task. Its PSF must be fixed.
    """
    of_rule = config.stop in ("auto", "heldout")
    return task == "deconvolve" and config.dims == 2 and of_rule and _starts_learned(config, task)


def _starts_learned(config: CompleteConfig, task: TaskName) -> bool:
    """Return whether a single run with the settings of a preset may use learned weights."""
    settings = config.fit.model_copy(update={"max_iterations": _usual_iterations(config, task)})
    return (
        config.preset in LEARNED
        and config.start == "learned"
        and config.noise != "laplace"
        and config.posterior_samples is None
        and config.tune is None
        and config.runs == 1  # runs from the same weights would agree where all are wrong
        and settings == preset_of(config.preset, task, config.dims)
    )


def _with_chosen_iterations(fit: FitConfig, config: CompleteConfig, task: TaskName) -> FitConfig:
    """Return settings with the number of iterations of a configuration, if it was chosen."""
    chosen = config.fit.max_iterations
    if chosen == _usual_iterations(config, task):
        return fit
    return fit.model_copy(update={"max_iterations": chosen})


def _usual_iterations(config: CompleteConfig, task: TaskName) -> int:
    return preset_of(config.preset, task, config.dims).max_iterations
