"""Fit settings of a learned start: a network trained in advance, fitted to the image briefly."""

from napari_dip.config.dip import CompleteConfig
from napari_dip.config.fit import FitConfig, NetworkConfig, StoppingConfig
from napari_dip.config.names import Preset, TaskName
from napari_dip.config.presets import preset_of

# The network that the weights in the package belong to.
LEARNED_NETWORK = NetworkConfig(
    name="residual-unet",
    channels=(64, 80, 96),
    blocks=(3, 1, 1),
    skip_channels=0,
    pixel_shuffle=2,
    padding="zeros",
)
_BALANCED = FitConfig(
    network=LEARNED_NETWORK,
    latent="recorrupted",
    optimiser="muon",
    learning_rate=0.001,
    reveal_every=8,
    averaging=0.97,
    residual_guard=True,
    max_iterations=24,
    # The first estimate counts, too: a later one must be better by more than chance.
    stopping=StoppingConfig(guard=0, heldout_gain=2.0),
)

LEARNED: dict[Preset, FitConfig] = {
    "balanced": _BALANCED,
    "fast": _BALANCED.model_copy(update={"max_iterations": 8, "window": 96}),
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
    preset = preset_of(config.preset, "denoise")
    return (
        config.preset in LEARNED
        and config.start == "learned"
        and task == "denoise"
        and channels in (_COARSE_CHANNELS if coarse_noise else _CHANNELS)
        and config.dims == 2
        and config.stop in _RULES
        and config.noise != "laplace"
        and config.posterior_samples is None
        and config.tune is None
        and config.runs == 1  # runs from the same weights would agree where all are wrong
        and config.fit.model_copy(update={"max_iterations": preset.max_iterations}) == preset
    )


def learned_fit(config: CompleteConfig, *, coarse_noise: bool, neighbours: bool) -> FitConfig:
    """Return the fit settings of a learned start.

    Parameters
    ----------
    config : CompleteConfig
        Configuration that suits a learned start.
    coarse_noise : bool
        Whether the noise of neighbouring pixels is correlated. Held-out pixels cannot judge a
        fit then, so the first answer is the result.
    neighbours : bool
        Whether planes have neighbours that the network can see.
    """
    fit = LEARNED[config.preset]
    chosen = config.fit.max_iterations
    changes: dict[str, int] = {}
    if chosen != preset_of(config.preset, "denoise").max_iterations:
        changes["max_iterations"] = chosen
    if coarse_noise:
        changes["max_iterations"] = 0
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
    preset = preset_of(config.preset, "fourier", config.dims)
    return (
        config.preset in LEARNED
        and config.start == "learned"
        and task == "fourier"
        and config.stop in ("auto", "heldout")
        and config.noise != "laplace"
        and config.posterior_samples is None
        and config.tune is None
        and config.runs == 1
        and config.fit.model_copy(update={"max_iterations": preset.max_iterations}) == preset
    )
