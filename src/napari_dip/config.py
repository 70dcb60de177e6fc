"""The configuration: every default of the product lives here and nowhere else.

Frozen pydantic models: numbers and words only, JSON in and JSON out. Arrays
(image, mask, PSF) are inputs, never configuration. The form in napari, the
command line and the report are all made from these fields and descriptions.
"""

# Annotations are read at run time by pydantic, cyclopts and the form, so
# nothing here is imported under TYPE_CHECKING.
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Preset = Literal["fast", "balanced", "paper"]
Stop = Literal["auto", "heldout", "variance", "discrepancy", "none"]
Noise = Literal["auto", "gaussian", "poisson", "poisson-gaussian", "laplace"]
Precision = Literal["auto", "float32", "bfloat16"]
Channels = Literal["joint", "separate"]
NetworkName = Literal[
    "hourglass", "unet", "resnet", "encoder-decoder", "deep-decoder", "conv-decoder"
]
LatentName = Literal["noise", "meshgrid", "fourier", "guide", "observation"]
Kernel = Literal["lanczos2", "box", "gaussian"]
Optics = Literal["scalar", "vectorial"]
VoxelSize = dict[Literal["z", "y", "x"], Annotated[float, Field(gt=0)]]
JpegLoss = Literal["auto", "coefficients", "bins", "plain"]
TaskName = Literal[
    "denoise",
    "inpaint",
    "inpaint-holes",
    "super-resolve",
    "deconvolve",
    "dejpeg",
    "dejpeg-coefficients",
    "guided",
    "fourier",
    "invert-features",
    "maximise-unit",
]
# The pretrained network whose weights an installed package brings.
DEFAULT_FEATURES = "efficientnet-lite0"


# Iterations more, where an uncertainty of one run is asked for.
UNCERTAINTY_SAMPLES = 100


class Frozen(BaseModel):
    """Base of all configuration: immutable, and unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


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
    heldout_patience: int = Field(
        150, ge=1, description="Stop after this many iterations without a lower held-out error."
    )
    heldout_tolerance: float = Field(
        1e-3, ge=0, description="Relative decrease of the held-out error that resets the patience."
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
    guard: int = Field(100, ge=0, description="No rule stops or selects before this iteration.")


class FitConfig(Frozen):
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
    learning_rate: float = Field(0.01, gt=0, description="Adam's learning rate.")
    psf_learning_rate: float = Field(
        0.0005, gt=0, description="The same for the logarithm of a PSF's width, if it is refined."
    )
    averaging: float = Field(
        0.99, ge=0, lt=1, description="Decay of the exponential moving average of the estimate."
    )
    posterior_noise: float = Field(
        2.0, ge=0, description="Noise on the weights while sampling, in learning rates."
    )
    max_iterations: int = Field(3000, ge=1, description="Upper bound of the iterations.")
    stopping: StoppingConfig = StoppingConfig()

    @model_validator(mode="after")
    def _only_a_fixed_latent_is_optimised(self) -> Self:
        if self.optimise_latent and self.latent == "observation":
            raise ValueError(
                "expected another latent than the observation for optimise_latent, which "
                "differs at each iteration"
            )
        return self


# Published denoising configuration (Ulyanov, Vedaldi, Lempitsky, "Deep Image
# Prior", IJCV 2020, and its supplementary code).
_PAPER = FitConfig(
    network=NetworkConfig(output="sigmoid", bias=True),
    # A noise latent descends more slowly and over more bumps.
    stopping=StoppingConfig(heldout_patience=300, heldout_tolerance=5e-4),
)
# Fed with the observation, a narrow network at half resolution is past the
# quality of the published one after a twentieth of the iterations, each a
# tenth of the work (docs/performance.md).
_BALANCED = FitConfig(
    network=NetworkConfig(channels=(32, 64, 64, 64), skip_channels=16, pixel_shuffle=2),
    latent="observation",
    learning_rate=0.003,
    max_iterations=1000,
)
_FAST = FitConfig(
    network=NetworkConfig(channels=(16, 32, 32, 32), skip_channels=8, pixel_shuffle=2),
    latent="observation",
    learning_rate=0.003,
    max_iterations=400,
)

PRESETS: dict[Preset, FitConfig] = {"fast": _FAST, "balanced": _BALANCED, "paper": _PAPER}


def _with(base: FitConfig, **changes: Any) -> FitConfig:
    network = base.network.model_copy(update=changes.pop("network", {}))
    return base.model_copy(update={"network": network, **changes})


# Where a task differs from denoising; the paper's from its supplementary code.
_TASK_PRESETS: dict[tuple[TaskName, Preset], FitConfig] = {
    ("super-resolve", "paper"): _with(_PAPER, latent_noise=0.03, max_iterations=2000),
    ("inpaint", "paper"): _with(
        _PAPER, latent_noise=0.03, learning_rate=0.001, max_iterations=11000
    ),
    ("inpaint-holes", "paper"): _with(
        _PAPER,
        network={"skip_channels": 0, "upsampling": "nearest"},
        latent="meshgrid",
        latent_noise=0.03,
        max_iterations=5000,
    ),
    ("deconvolve", "paper"): _with(
        _PAPER,
        network={"skip_channels": 16},
        latent_channels=8,
        latent_noise=0.001,
        max_iterations=5000,
    ),
    ("dejpeg", "paper"): _with(
        _PAPER,
        network={"channels": (8, 16, 32, 64, 128), "skip_channels": (0, 0, 0, 4, 4)},
        latent_channels=3,
        max_iterations=2400,
    ),
    ("guided", "paper"): _with(
        _PAPER, latent="guide", latent_noise=0.0, learning_rate=0.1, max_iterations=600
    ),
    ("invert-features", "paper"): _with(
        _PAPER,
        network={
            "channels": (16, 32, 64, 128, 128, 128),
            "down_kernels": (7, 7, 5, 5, 3, 3),
            "up_kernels": (7, 7, 5, 5, 3, 3),
            "padding": "zeros",
            "upsampling": "nearest",
            "downsampling": "average",
        },
        latent_noise=0.0,
        learning_rate=0.001,
        max_iterations=3100,
    ),
    ("maximise-unit", "paper"): _with(
        _PAPER,
        network={
            "channels": (16, 32, 64, 128, 128, 128),
            "skip_channels": (0, 4, 4, 4, 4, 4),
            "down_kernels": (5, 3, 5, 5, 3, 5),
            "up_kernels": (5, 3, 5, 3, 5, 3),
            "downsampling": "average",
        },
        latent_noise=0.03,
        learning_rate=0.001,
        max_iterations=3100,
    ),
}

# What lies between the pixels is not in the observation: only the prior knows.
_TASK_PRESETS["super-resolve", "balanced"] = _with(
    _PAPER,
    network={"channels": (32, 64, 64, 64), "output": "linear", "bias": False},
    latent_noise=0.03,
    max_iterations=1000,
)
_TASK_PRESETS["super-resolve", "fast"] = _with(
    _TASK_PRESETS["super-resolve", "balanced"],
    network={"channels": (16, 32, 32, 32)},
    max_iterations=500,
)

# Where pixels are missing there is no noise to stop before: it goes on getting better,
# from the smoothest surface through those that are known (docs/performance.md).
_MISSING: dict[str, Any] = {
    "filling": "biharmonic",
    "reveal_every": 4,
    "learning_rate": 0.005,
    "averaging": 0.97,
    "stopping": StoppingConfig(heldout_patience=200, variance_patience=2000),
}
_TASK_PRESETS["inpaint", "balanced"] = _with(_BALANCED, **_MISSING, max_iterations=2000)
_TASK_PRESETS["inpaint", "fast"] = _with(_FAST, **_MISSING)
# The network only corrects what total variation finds (docs/performance.md).
_TASK_PRESETS["fourier", "balanced"] = _with(
    _BALANCED,
    max_iterations=300,
    stopping=StoppingConfig(heldout_fraction=0.08),
)
_TASK_PRESETS["fourier", "fast"] = _with(_FAST, max_iterations=100)

# Features are no picture to feed: noise, and an hourglass narrow where pixels are many.
_TASK_PRESETS["invert-features", "balanced"] = _with(
    _PAPER,
    network={"channels": (16, 32, 64, 128, 128), "bias": False},
    latent_noise=0.0,
    max_iterations=1000,
)
_TASK_PRESETS["maximise-unit", "balanced"] = _with(
    _TASK_PRESETS["invert-features", "balanced"], latent_noise=0.03
)
for _task in ("invert-features", "maximise-unit"):
    _TASK_PRESETS[_task, "fast"] = _with(_TASK_PRESETS[_task, "balanced"], max_iterations=400)
# What has no noise is better the longer it is fitted; coefficients can tell no rule
# where the blocks begin, and have a bound instead.
_TO_THE_END: tuple[TaskName, ...] = ("invert-features", "maximise-unit", "dejpeg-coefficients")

# A coefficient cannot be hidden as a pixel can, so the latent is noise; blocks are
# learnt last, and after this many iterations not yet (docs/performance.md).
_TASK_PRESETS["dejpeg-coefficients", "paper"] = _TASK_PRESETS["dejpeg", "paper"]
_TASK_PRESETS["dejpeg-coefficients", "balanced"] = _with(
    _TASK_PRESETS["super-resolve", "balanced"], latent_noise=1 / 30, max_iterations=500
)
_TASK_PRESETS["dejpeg-coefficients", "fast"] = _with(
    _TASK_PRESETS["super-resolve", "fast"], latent_noise=1 / 30, max_iterations=300
)

# A noise latent of a volume, all of it at full resolution, takes too long.
_PLANES_ONLY = {("super-resolve", "balanced"), ("super-resolve", "fast")}
# A volume has many times the pixels of a plane, and each a neighbourhood three
# times as large: the widths of the preset below.
_VOLUME_WIDTHS: dict[Preset, Preset] = {"balanced": "fast"}


def preset_of(preset: Preset, task: TaskName = "denoise", dims: int = 2) -> FitConfig:
    """Return how a task is fitted under a preset, plane by plane or in volumes."""
    if dims == 3 and (task, preset) in _PLANES_ONLY:
        task = "denoise"
    fit = _TASK_PRESETS.get((task, preset), PRESETS[preset])
    if dims == 2 or preset not in _VOLUME_WIDTHS:
        return fit
    narrower = preset_of(_VOLUME_WIDTHS[preset], task).network
    widths = {"channels": narrower.channels, "skip_channels": narrower.skip_channels}
    return _with(fit, network=widths)


def for_correlated_noise(fit: FitConfig) -> FitConfig:
    """Return fit settings for noise that can be predicted from neighbouring pixels.

    A network that is fed with the observation learns such noise within some
    dozens of iterations. Fed with noise it learns coarse structure first, and
    the variance of its outputs tells when it begins to learn the grain.
    """
    changes = {"latent": "noise", "learning_rate": _PAPER.learning_rate}
    # The variance dips once while coarse structure is learnt: no minimum before 200 counts.
    stopping = fit.stopping.model_copy(update={"guard": 200, "variance_patience": 200})
    network = {"skip_channels": _PAPER.network.skip_channels}
    return _with(fit, network=network, stopping=stopping, **changes)


class DipConfig(Frozen):
    """What a user may choose; the same for every task, front end and file.

    `None` means "decided from the preset or from the image"; `complete`
    replaces the preset's by numbers, and the report holds the complete form.

    Examples
    --------
    >>> config = DipConfig(preset="paper", stop="none")
    >>> config.complete().fit.max_iterations
    3000
    """

    preset: Preset = Field(
        "balanced", description="How much work: fast, balanced, or the paper's exact settings."
    )
    stop: Stop = Field(
        "auto",
        description="Early stopping: held-out pixels, variance of the outputs, both (auto), "
        "residual as large as the noise, or none.",
    )
    max_iterations: int | None = Field(
        None, ge=1, description="Upper bound of the iterations of each block (default: preset)."
    )
    time_limit: float | None = Field(
        None, gt=0, description="Upper bound of the whole run [seconds]; the best result is kept."
    )
    tune: float | None = Field(
        None,
        gt=0,
        description="Time to choose the network's width and the learning rate in, by the error "
        "at held-out pixels; needs Optuna [seconds] (default: the preset's).",
    )
    runs: int = Field(1, ge=1, description="Independent runs averaged into the result.")
    posterior_samples: int | None = Field(
        None,
        ge=2,
        description="Iterations after the fit whose spread is the uncertainty of the result "
        f"(default: none, or {UNCERTAINTY_SAMPLES} if an uncertainty of one run is asked for).",
    )
    noise: Noise = Field(
        "auto",
        description="Noise model; auto measures the noise and weights all pixels equally.",
    )
    gain: float | None = Field(None, gt=0, description="Camera gain [ADU per photon].")
    read_noise: float | None = Field(None, ge=0, description="Camera read noise [ADU].")
    sigma_noise: float | None = Field(
        None, gt=0, description="Standard deviation of Gaussian noise, on the image's scale."
    )
    axes: str | None = Field(
        None, description="Axes of the array, such as TZCYX (default: from the file)."
    )
    voxel_size: VoxelSize | None = Field(
        None,
        description="Spacing along each axis, such as z=0.3,y=0.1,x=0.1 [micrometre] "
        "(default: from the file).",
    )
    dims: Literal[2, 3] | None = Field(
        None,
        description="Fit planes (2) or volumes (3) at once (default: planes, unless the task "
        "needs volumes).",
    )
    channels: Channels | None = Field(
        None, description="Fit channels jointly or separately (default: RGB jointly)."
    )
    device: str = Field(
        "auto", pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$", description="auto, cpu, cuda[:i] or mps."
    )
    precision: Precision = Field("auto", description="Arithmetic of the network.")
    threads: int | None = Field(
        None, ge=1, description="CPU threads (default: all cores, one for small planes)."
    )
    seed: int = Field(0, ge=0, description="Seed of the network, the latent and the held-out set.")
    fit: FitConfig | None = Field(None, description="Full fit settings (default: the preset's).")

    def complete(self, task: TaskName = "denoise", dims: Literal[2, 3] = 2) -> Self:
        """Return a copy in which every choice that a task and its preset make is written out.

        Parameters
        ----------
        task : str
            Whose presets are used.
        dims : {2, 3}
            What the task needs, where nothing else was chosen.
        """
        dims = self.dims or dims
        fit = self.fit or preset_of(self.preset, task, dims)
        if self.max_iterations is not None:
            fit = fit.model_copy(update={"max_iterations": self.max_iterations})
        stop = "none" if self.stop == "auto" and task in _TO_THE_END else self.stop
        return self.model_copy(
            update={"fit": fit, "max_iterations": fit.max_iterations, "dims": dims, "stop": stop}
        )
