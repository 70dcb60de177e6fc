"""How a block is fitted: network, latent, optimiser, stopping."""

# Annotations are read at run time by pydantic, cyclopts and the form, so
# nothing here is imported under TYPE_CHECKING.
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from napari_dip.config.names import Frozen, LatentName, NetworkName

# Fields of earlier versions and their defaults, which reports and configuration files still hold.
_REMOVED = {"feature_weight": 0.0, "features": "efficientnet-lite0"}


class NetworkConfig(Frozen):
    """Architecture of the prior network f_theta."""

    name: NetworkName = "hourglass"
    channels: tuple[int, ...] = Field(
        (128, 128, 128, 128, 128), description="Width of each scale, finest first."
    )
    skip_channels: Annotated[int, Field(ge=0)] | tuple[Annotated[int, Field(ge=0)], ...] = Field(
        4, description="Width of the skip branch of each scale, or of all; 0 for none."
    )
    pixel_shuffle: int = Field(
        1, ge=1, description="The network works at 1/n of the resolution and emits n x n pixels."
    )
    upsampling: Literal["bilinear", "nearest"] = "bilinear"
    tapered: bool = Field(
        False,
        description="Of an hourglass: a scale hands on as many channels as the finer one has, "
        "where interpolation and the convolution after it cost most.",
    )
    downsampling: Literal["stride", "average", "max"] = Field(
        "stride", description="Of an hourglass: strided convolutions, or pooling after them."
    )
    down_kernels: Annotated[int, Field(ge=1)] | tuple[Annotated[int, Field(ge=1)], ...] = Field(
        3,
        description="Of an hourglass: width of the kernels on the way down, of each scale or all.",
    )
    up_kernels: Annotated[int, Field(ge=1)] | tuple[Annotated[int, Field(ge=1)], ...] = Field(
        3, description="The same on the way up."
    )
    padding: Literal["reflect", "zeros"] = Field(
        "reflect", description="What the convolutions see beyond the border."
    )
    output: Literal["linear", "sigmoid"] = Field(
        "linear", description="Last activation; the sigmoid spans the data with headroom."
    )
    bias: bool = Field(
        False,
        description="Bias before a batch norm, as published; it changes no output.",
    )

    @property
    def skips(self) -> tuple[int, ...]:
        """Width of the skip branch of each scale."""
        return self.of_each_scale(self.skip_channels)

    def of_each_scale(self, given: int | tuple[int, ...]) -> tuple[int, ...]:
        """Return a number for each scale; a single one is for all of them."""
        return (given,) * len(self.channels) if isinstance(given, int) else given

    @model_validator(mode="after")
    def _one_number_per_scale(self) -> Self:
        numbers = {
            "skip width": self.skip_channels,
            "kernel width": self.down_kernels,
            "kernel width up": self.up_kernels,
        }
        for what, given in numbers.items():
            if len(self.of_each_scale(given)) != len(self.channels):
                raise ValueError(
                    f"expected one {what} for each of {len(self.channels)} scales, "
                    f"got {len(self.of_each_scale(given))}"
                )
        return self


class StoppingConfig(Frozen):
    """Constants of the stopping rules, in iterations unless said otherwise."""

    heldout_fraction: float = Field(
        0.03, gt=0, lt=0.5, description="Share of the pixels hidden from the fit."
    )
    heldout_least: int = Field(
        32,
        ge=1,
        description="Where fewer pixels than this would be hidden, none are, unless the rule of "
        "held-out pixels is asked for: they say too little.",
    )
    heldout_patience: int = Field(
        150, ge=1, description="Stop after this many iterations without a lower held-out error."
    )
    heldout_tolerance: float = Field(
        1e-3, ge=0, description="Relative decrease of the held-out error that resets the patience."
    )
    heldout_margin: float = Field(
        0.0,
        ge=0,
        description="Keep the last estimate whose held-out error is above the lowest by at most "
        "so many standard errors of their difference; 0 keeps the lowest.",
    )
    variance_window: int = Field(100, ge=2, description="Outputs in the variance window (W).")
    variance_of: Literal["auto", "window", "moving"] = Field(
        "auto",
        description="Variance over a window of outputs, or by moving averages, which keep no "
        "outputs (auto: moving for volumes).",
    )
    variance_decay: float = Field(
        0.9, gt=0, lt=1, description="Decay of the moving averages, for each iteration."
    )
    variance_patience: int = Field(
        1000, ge=1, description="Stop after this many iterations without a lower variance (P)."
    )
    variance_pixels: int = Field(16384, ge=1, description="Pixels the variance is measured on.")
    risk_patience: int = Field(
        100, ge=1, description="Stop after this many iterations without a lower expected error."
    )
    blocks_patience: int = Field(
        100, ge=1, description="Stop after this many iterations without fewer blocks of a JPEG."
    )
    least_removed: float = Field(
        0.1,
        ge=0,
        le=1,
        description="Stop where the residual guard leaves at most this share of the residual "
        "removed in all but 5% of the image: it has hardly any noise.",
    )
    guard: int = Field(100, ge=0, description="No rule stops or selects before this iteration.")


class FitConfig(Frozen, allow_inf_nan=False):
    """One way of fitting: the network, its latent and the optimiser."""

    network: NetworkConfig = NetworkConfig()
    network_weights: str | None = Field(
        None,
        description="Safetensors file of a state dict the network starts from (default: random).",
    )
    latent: LatentName = Field(
        "noise",
        description="What the network is fed: noise, coordinates, waves, another picture, or the "
        "observation with pixels hidden.",
    )
    latent_channels: int = Field(32, ge=1, description="Channels of a noise latent.")
    latent_noise: float = Field(
        1 / 30, ge=0, description="Deviation of the noise added to a noise latent each iteration."
    )
    latent_blur: float = Field(
        0.0, ge=0, description="Low-pass of a noise latent: a Gaussian's deviation [pixels]."
    )
    optimise_latent: bool = Field(
        False, description="Fit the latent together with the network; not the observation."
    )
    hidden_fraction: float = Field(
        0.2, gt=0, lt=1, description="Share of the pixels an observation latent hides each time."
    )
    filling: Literal["neighbours", "biharmonic"] = Field(
        "neighbours",
        description="What an observation latent has at hidden and missing pixels: the mean of "
        "their neighbours, or the smoothest surface through all that is seen, which the network "
        "then corrects.",
    )
    reveal_every: int = Field(
        0,
        ge=0,
        description="Average estimates made with nothing hidden, at every so many iterations; "
        "0 averages those that are fitted.",
    )
    tv_weight: float = Field(
        0.0,
        ge=0,
        description="Weight of the total variation of the estimate, measured in noise; 0 for none. "
        "By itself, 2 would be the customary strength for noise.",
    )
    optimiser: Literal["adam", "muon"] = Field(
        "adam",
        description="What moves the weights: Adam, or Muon for kernels of convolutions, which are "
        "moved in all directions alike, and Adam for the rest.",
    )
    learning_rate: float = Field(0.01, gt=0, description="Learning rate of the optimiser.")
    psf_learning_rate: float = Field(
        0.0005, gt=0, description="The same for the logarithm of a PSF's width, if it is refined."
    )
    averaging: float = Field(
        0.99, ge=0, lt=1, description="Decay of the exponential moving average of the estimate."
    )
    posterior_noise: float = Field(
        2.0, ge=0, description="Noise on the weights while sampling, in typical steps of them."
    )
    residual_guard: bool = Field(
        False,
        description="Blend the observation back where the fit removed more than the noise "
        "explains, region by region.",
    )
    max_iterations: int = Field(3000, ge=1, description="Upper bound of the iterations.")
    warm_iterations: int = Field(
        120,
        ge=1,
        description="The same of a plane or frame that begins with what its neighbour has learnt.",
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
            if name not in _REMOVED or value != _REMOVED[name]
        }

    @model_validator(mode="after")
    def _only_a_fixed_latent_is_optimised(self) -> Self:
        if self.optimise_latent and self.latent == "observation":
            raise ValueError(
                "expected another latent than the observation for optimise_latent, which "
                "differs at each iteration"
            )
        return self
