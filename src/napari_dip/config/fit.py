"""Fit settings: solver, network, latent, optimiser and stopping rules."""

# Annotations are read at run time by pydantic, cyclopts and the form, so
# nothing here is imported under TYPE_CHECKING.
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from napari_dip.config.names import Frozen, LatentName, SolverName
from napari_dip.config.network import NetworkConfig
from napari_dip.config.stopping import StoppingConfig

# Fields of earlier versions and their defaults, which reports and configuration files still hold.
REMOVED_FIT_FIELDS = {"feature_weight": 0.0, "features": "efficientnet-lite0"}
# Fields that the first version lacked, and their defaults.
ADDED_FIT_FIELDS = {
    "solver": "fit",
    "recorruption": 1.0,
    "window": 128,
    "neighbours": 0,
    "kspace_start": "variation",
    "collaborative_filter": False,
    "denoised_candidate": False,
}
ADDED_NETWORK_FIELDS = {"blocks": 1}


class FitConfig(Frozen, allow_inf_nan=False):
    """Settings of a fit: network, latent, optimiser and stopping rules."""

    solver: SolverName = Field(
        "fit",
        description="How the estimate is found: by the fit of a network (fit), by a learned "
        "denoiser and the observation in turn (plug-and-play), or by a small network that corrects "
        "the cubic interpolation along z by what the planes show (axial).",
    )
    network: NetworkConfig = NetworkConfig()
    network_weights: str | None = Field(
        None,
        description="Safetensors file with the initial weights of the network (default: random).",
    )
    latent: LatentName = Field(
        "noise",
        description="Input of the network: noise, coordinates (meshgrid), Fourier features "
        "(fourier), the guide image, the observation with hidden pixels (observation), the "
        "observation with more noise (recorrupted), for denoising planes, or the Richardson-Lucy "
        "image of part of the photons (sharpened), for deconvolution.",
    )
    latent_channels: int = Field(32, ge=1, description="Number of channels of a noise latent.")
    latent_noise: float = Field(
        1 / 30,
        ge=0,
        description="Standard deviation of the noise that is added to a noise latent in each "
        "iteration.",
    )
    latent_blur: float = Field(
        0.0,
        ge=0,
        description="Standard deviation of the Gaussian low-pass filter of a noise latent "
        "[pixels].",
    )
    optimise_latent: bool = Field(
        False,
        description="Whether the latent is optimised together with the network; not for an "
        "observation latent.",
    )
    hidden_fraction: float = Field(
        0.2,
        gt=0,
        lt=1,
        description="Share of the pixels that an observation latent hides in each iteration, or of "
        "the photons that a sharpened latent hides.",
    )
    recorruption: float = Field(
        1.0,
        gt=0,
        description="Standard deviation of the noise that a recorrupted latent adds, relative to "
        "that of the observation.",
    )
    window: int = Field(
        128,
        ge=32,
        multiple_of=32,
        description="Side of the window that a recorrupted latent fits in each iteration [pixels].",
    )
    neighbours: int = Field(
        0,
        ge=0,
        description="Number of neighbouring planes or frames on each side of a plane that a "
        "network with a recorrupted latent sees.",
    )
    filling: Literal["neighbours", "biharmonic"] = Field(
        "neighbours",
        description="Values of an observation latent at hidden and missing pixels: mean of the "
        "neighbours, or biharmonic interpolation, which the network then corrects.",
    )
    kspace_start: Literal["variation", "learned"] = Field(
        "variation",
        description="First image of k-space with an observation latent: that of least total "
        "variation, or that of a learned denoiser where it predicts held-out frequencies better.",
    )
    denoised_candidate: bool = Field(
        False,
        description="Whether the estimate of a sharpened latent is averaged with that of a learned "
        "denoiser, unless that predicts held-out photons worse; for planes.",
    )
    reveal_every: int = Field(
        0,
        ge=0,
        description="Interval of estimates without hidden pixels [iterations], of which the result "
        "is the average; 0 averages the estimates of the fit.",
    )
    tv_weight: float = Field(
        0.0,
        ge=0,
        description="Weight of the total variation of the estimate, relative to the noise level; "
        "0 for none. A weight of 2 is usual for denoising by total variation alone.",
    )
    optimiser: Literal["adam", "muon"] = Field(
        "adam",
        description="Optimiser of the weights: Adam, or Muon for convolution kernels and Adam for "
        "the rest.",
    )
    learning_rate: float = Field(0.01, gt=0, description="Learning rate of the optimiser.")
    psf_learning_rate: float = Field(
        0.0005,
        gt=0,
        description="Learning rate of the logarithm of the PSF width, if the width is refined.",
    )
    averaging: float = Field(
        0.99, ge=0, lt=1, description="Decay of the exponential moving average of the estimate."
    )
    posterior_noise: float = Field(
        2.0,
        ge=0,
        description="Noise on the weights during posterior sampling, in units of their typical "
        "update.",
    )
    residual_guard: bool = Field(
        False,
        description="Whether the observation is blended back in regions where the fit removed more "
        "than the noise explains.",
    )
    collaborative_filter: bool = Field(
        False,
        description="Whether groups of similar patches correct the selected estimate of a "
        "recorrupted latent.",
    )
    max_iterations: int = Field(
        3000,
        ge=0,
        description="Largest number of iterations; 0 keeps the first answer of a learned start.",
    )
    warm_iterations: int = Field(
        120,
        ge=1,
        description="Largest number of iterations of a plane or frame with a warm start.",
    )
    stopping: StoppingConfig = StoppingConfig()

    @property
    def is_learned(self) -> bool:
        """Whether the network has learned weights, so that it knows structure before any fit."""
        return self.latent == "recorrupted" or self.solver == "plug-and-play"

    @model_validator(mode="before")
    @classmethod
    def _ignore_defaults_of_removed_fields(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        return {
            name: value
            for name, value in values.items()
            if name not in REMOVED_FIT_FIELDS or value != REMOVED_FIT_FIELDS[name]
        }

    @model_validator(mode="after")
    def _only_a_fixed_latent_is_optimised(self) -> Self:
        if self.optimise_latent and self.latent in ("observation", "recorrupted"):
            raise ValueError(
                "expected another latent than the observation for optimise_latent, because it "
                "changes in each iteration"
            )
        return self
