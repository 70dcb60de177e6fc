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

# Numbers of channels that the package has weights for.
_CHANNELS = (1, 3)
# Rules that can decide within some dozens of iterations whether the fit improves the start.
_RULES = ("auto", "heldout", "none")


def with_learned_start(config: CompleteConfig, task: TaskName, channels: int) -> FitConfig:
    """Return the fit settings of a learned start, if it suits a restoration, else the given ones.

    It suits the denoising of planes in a single run with the settings of a preset.

    Parameters
    ----------
    config : CompleteConfig
        Configuration of the restoration.
    task : str
        Name of the presets of the task.
    channels : int
        Number of channels of one fit.
    """
    learned = LEARNED.get(config.preset)
    preset = preset_of(config.preset, "denoise")
    limit = config.fit.max_iterations
    if (
        learned is None
        or config.start != "learned"
        or task != "denoise"
        or channels not in _CHANNELS
        or config.dims != 2
        or config.stop not in _RULES
        or config.noise == "laplace"
        or config.posterior_samples is not None
        or config.tune is not None
        or config.runs > 1  # runs from the same weights would agree where all are wrong
        or config.fit.model_copy(update={"max_iterations": preset.max_iterations}) != preset
    ):
        return config.fit
    if limit == preset.max_iterations:
        return learned
    return learned.model_copy(update={"max_iterations": limit})
