"""Fit settings: network, latent, optimiser and stopping rules."""

# Annotations are read at run time by pydantic, cyclopts and the form, so
# nothing here is imported under TYPE_CHECKING.
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from napari_dip.config.names import Frozen, LatentName, NetworkName

# Fields of earlier versions and their defaults, which reports and configuration files still hold.
REMOVED_FIT_FIELDS = {"feature_weight": 0.0, "features": "efficientnet-lite0"}
# Fields that the first version lacked, and their defaults.
ADDED_FIT_FIELDS = {
    "recorruption": 1.0,
    "window": 128,
    "neighbours": 0,
    "kspace_start": "variation",
    "corrects_interpolation": False,
}
ADDED_NETWORK_FIELDS = {"blocks": 1}
ADDED_STOPPING_FIELDS = {"heldout_gain": 0.0}


class NetworkConfig(Frozen):
    """Architecture of the network that generates the estimate."""

    name: NetworkName = "hourglass"
    channels: tuple[int, ...] = Field(
        (128, 128, 128, 128, 128), description="Number of channels of each scale, finest first."
    )
    skip_channels: Annotated[int, Field(ge=0)] | tuple[Annotated[int, Field(ge=0)], ...] = Field(
        4,
        description="Number of channels of the skip connection, one number for all scales or one "
        "for each; 0 for no skip connection.",
    )
    pixel_shuffle: int = Field(
        1,
        ge=1,
        description="Factor n of the pixel shuffle: the network works at 1/n of the resolution and "
        "outputs n x n pixels for each of its own.",
    )
    upsampling: Literal["bilinear", "nearest"] = "bilinear"
    tapered: bool = Field(
        False,
        description="Hourglass only: each scale outputs as many channels as the next finer scale "
        "has, which saves time.",
    )
    downsampling: Literal["stride", "average", "max"] = Field(
        "stride",
        description="Hourglass only: downsampling by strided convolutions, or by average or "
        "maximum pooling after the convolution.",
    )
    down_kernels: Annotated[int, Field(ge=1)] | tuple[Annotated[int, Field(ge=1)], ...] = Field(
        3,
        description="Hourglass only: width of the downsampling kernels [pixels], one number for "
        "all scales or one for each.",
    )
    up_kernels: Annotated[int, Field(ge=1)] | tuple[Annotated[int, Field(ge=1)], ...] = Field(
        3,
        description="Hourglass only: width of the upsampling kernels [pixels], one number for all "
        "scales or one for each.",
    )
    blocks: Annotated[int, Field(ge=1)] | tuple[Annotated[int, Field(ge=1)], ...] = Field(
        1,
        description="Residual U-Net only: residual blocks of each scale, one number for all scales "
        "or one for each.",
    )
    padding: Literal["reflect", "zeros"] = Field(
        "reflect", description="Padding of the convolutions at the border: reflection, or zeros."
    )
    output: Literal["linear", "sigmoid"] = Field(
        "linear",
        description="Last activation; the range of the sigmoid is wider than that of the data.",
    )
    bias: bool = Field(
        False,
        description="Whether convolutions before a batch norm have a bias, as published; it does "
        "not change the output.",
    )

    @property
    def skips(self) -> tuple[int, ...]:
        """Number of channels of the skip connection of each scale."""
        return self.of_each_scale(self.skip_channels)

    def of_each_scale(self, value: int | tuple[int, ...]) -> tuple[int, ...]:
        """Return one number for each scale; a single number applies to all scales."""
        return (value,) * len(self.channels) if isinstance(value, int) else value

    @model_validator(mode="after")
    def _one_number_per_scale(self) -> Self:
        settings = {
            "skip width": self.skip_channels,
            "kernel width": self.down_kernels,
            "kernel width up": self.up_kernels,
            "number of blocks": self.blocks,
        }
        for name, value in settings.items():
            if len(self.of_each_scale(value)) != len(self.channels):
                raise ValueError(
                    f"expected one {name} for each of {len(self.channels)} scales, "
                    f"got {len(self.of_each_scale(value))}"
                )
        return self


class StoppingConfig(Frozen):
    """Settings of the stopping rules; patience, window and guard are in iterations."""

    heldout_fraction: float = Field(
        0.03,
        gt=0,
        lt=0.5,
        description="Share of the pixels, or of the photons, that are held out of the fit.",
    )
    heldout_least: int = Field(
        32,
        ge=1,
        description="Smallest number of held-out pixels. With fewer, their error is too noisy and "
        "the rule auto holds out none.",
    )
    heldout_patience: int = Field(
        150,
        ge=1,
        description="Number of iterations without a lower held-out error until the fit stops.",
    )
    heldout_tolerance: float = Field(
        1e-3, ge=0, description="Relative decrease of the held-out error that resets the patience."
    )
    heldout_margin: float = Field(
        0.0,
        ge=0,
        description="Margin above the lowest held-out error, in standard errors of the difference. "
        "The last estimate within the margin is kept; 0 keeps the estimate of lowest error.",
    )
    heldout_gain: float = Field(
        0.0,
        ge=0,
        description="Standard errors by which a later estimate must have a lower held-out error "
        "than the selected one.",
    )
    variance_window: int = Field(
        100, ge=2, description="Number of outputs over which the variance is measured."
    )
    variance_of: Literal["auto", "window", "moving"] = Field(
        "auto",
        description="Variance over a window of outputs, or from moving averages, which need less "
        "memory (auto: moving for volumes).",
    )
    variance_decay: float = Field(
        0.9, gt=0, lt=1, description="Decay of the moving averages in each iteration."
    )
    variance_patience: int = Field(
        1000,
        ge=1,
        description="Number of iterations without a lower variance until the fit stops.",
    )
    variance_pixels: int = Field(
        16384, ge=1, description="Number of pixels at which the variance is measured."
    )
    risk_patience: int = Field(
        100,
        ge=1,
        description="Number of iterations without a lower risk estimate until the fit stops.",
    )
    blocks_patience: int = Field(
        100,
        ge=1,
        description="Number of iterations without fewer visible JPEG blocks after which the fit "
        "stops.",
    )
    least_removed: float = Field(
        0.1,
        ge=0,
        le=1,
        description="Share of the residual. If the residual guard removes at most this share in "
        "95% of the image, the image has hardly any noise and the fit stops.",
    )
    guard: int = Field(
        100,
        ge=0,
        description="First iteration at which a rule may stop the fit or select a result.",
    )


class FitConfig(Frozen, allow_inf_nan=False):
    """Settings of a fit: network, latent, optimiser and stopping rules."""

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
    corrects_interpolation: bool = Field(
        False,
        description="Whether a small network corrects the cubic interpolation along z by what the "
        "planes show, instead of a fit to the stack; for a factor along z alone.",
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
