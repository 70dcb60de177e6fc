"""Presets: fit settings of each task; `paper` as published, `balanced` and `fast` quicker."""

from typing import Any

from napari_dip.config.fit import FitConfig
from napari_dip.config.names import Preset, Stop, TaskName
from napari_dip.config.network import NetworkConfig
from napari_dip.config.stopping import StoppingConfig

# Published denoising configuration (Ulyanov, Vedaldi, Lempitsky, "Deep Image
# Prior", IJCV 2020, and its supplementary code).
_PAPER = FitConfig(
    network=NetworkConfig(output="sigmoid", bias=True),
    # With a noise latent, the held-out error decreases slowly and with fluctuations.
    stopping=StoppingConfig(heldout_patience=300, heldout_tolerance=5e-4),
)
# A small image has few held-out pixels: a later estimate within the error of the minimum
# is kept.
_LATE = StoppingConfig(heldout_margin=1.0)
# With the observation as latent, a narrow network at half resolution exceeds the quality
# of the published one after a tenth of the iterations, each with a thirtieth of the work
# (docs/performance.md).
_OBSERVATION_LATENT: dict[str, Any] = {
    "latent": "observation",
    "optimiser": "muon",
    "learning_rate": 0.02,
    "posterior_noise": 0.5,
    "stopping": _LATE,
}
_BALANCED = FitConfig(
    network=NetworkConfig(
        channels=(32, 64, 64, 64), skip_channels=16, pixel_shuffle=2, tapered=True
    ),
    **_OBSERVATION_LATENT,
    max_iterations=600,
    warm_iterations=80,
)
_FAST = FitConfig(
    network=NetworkConfig(channels=(16, 32, 32, 32), skip_channels=8, pixel_shuffle=2),
    **_OBSERVATION_LATENT,
    max_iterations=400,
    warm_iterations=50,
)

PRESETS: dict[Preset, FitConfig] = {"fast": _FAST, "balanced": _BALANCED, "paper": _PAPER}


def _with(base: FitConfig, **changes: Any) -> FitConfig:
    network = base.network.model_copy(update=changes.pop("network", {}))
    return base.model_copy(update={"network": network, **changes})


# Below about 180 x 180 pixels the held-out error is too noisy to detect overfitting; the
# variance rule is used instead.
_NOISE_OF_VOLUMES = _LATE.model_copy(update={"heldout_least": 1000})
# In planes, held-out error and variance rarely decrease again after this many iterations
# (docs/performance.md).
_NOISE = _NOISE_OF_VOLUMES.model_copy(update={"heldout_patience": 100, "variance_patience": 125})
# A small image that is enlarged has only some dozens of held-out pixels, too few to stop
# early, and mostly no noise that would require it.
_FEW_PIXELS = StoppingConfig(heldout_patience=500)

# Presets of single tasks; those of the paper come from its supplementary code.
_TASK_PRESETS: dict[tuple[TaskName, Preset], FitConfig] = {
    ("denoise", "balanced"): _with(_BALANCED, stopping=_NOISE, residual_guard=True),
    ("denoise", "fast"): _with(_FAST, stopping=_NOISE, residual_guard=True),
    ("super-resolve", "paper"): _with(
        _PAPER, latent_noise=0.03, max_iterations=2000, stopping=_FEW_PIXELS
    ),
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

# The observation does not contain the structure between its pixels, only the prior does. A
# little total variation improves the prior of the network (docs/performance.md).
_NOISE_LATENT: dict[Preset, FitConfig] = {
    "balanced": _with(
        _PAPER,
        network={"channels": (32, 64, 64, 64), "output": "linear", "bias": False},
        latent_noise=0.03,
        max_iterations=1000,
    )
}
_NOISE_LATENT["fast"] = _with(
    _NOISE_LATENT["balanced"], network={"channels": (16, 32, 32, 32)}, max_iterations=500
)
for _preset, _fit in _NOISE_LATENT.items():
    _TASK_PRESETS["super-resolve", _preset] = _with(_fit, tv_weight=0.3, stopping=_FEW_PIXELS)
    _TASK_PRESETS["super-resolve-x8", _preset] = _TASK_PRESETS["super-resolve", _preset]
_TASK_PRESETS["super-resolve-x8", "paper"] = _with(
    _TASK_PRESETS["super-resolve", "paper"], max_iterations=4000
)

# Planes between planes: a few residual layers for slices, fitted to examples from the planes.
_TASK_PRESETS["super-resolve-z", "paper"] = _TASK_PRESETS["super-resolve", "paper"]
_ITERATIONS: dict[Preset, int] = {"balanced": 600, "fast": 250}
for _preset, _count in _ITERATIONS.items():
    _TASK_PRESETS["super-resolve-z", _preset] = FitConfig(
        network=NetworkConfig(name="resnet", channels=(32,) * 5, skip_channels=0, bias=True),
        solver="axial",
        learning_rate=0.002,
        max_iterations=_count,
    )

# Without noise, inpainting keeps improving: it starts from a biharmonic interpolation and
# takes small steps (docs/performance.md).
_MISSING: dict[str, Any] = {
    "filling": "biharmonic",
    "reveal_every": 4,
    "learning_rate": 0.005,
    "averaging": 0.97,
    "stopping": StoppingConfig(heldout_patience=200, variance_patience=2000),
}
# Tapering was measured for denoising only.
_TASK_PRESETS["inpaint", "balanced"] = _with(
    _BALANCED, network={"tapered": False}, **_MISSING, max_iterations=2000
)
_TASK_PRESETS["inpaint", "fast"] = _with(_FAST, **_MISSING)
# The network only corrects the best Richardson-Lucy image (docs/notebook/tasks.md).
_SHARPENED: dict[str, Any] = {
    "network": {"tapered": False},
    "latent": "sharpened",
    "hidden_fraction": 0.3,
    "stopping": StoppingConfig(
        heldout_fraction=0.1, heldout_patience=200, heldout_tolerance=0.0, heldout_margin=1.0
    ),
}
_TASK_PRESETS["deconvolve", "balanced"] = _with(_BALANCED, **_SHARPENED, max_iterations=200)
_TASK_PRESETS["deconvolve", "fast"] = _with(_FAST, **_SHARPENED, max_iterations=100)
# No interpolation reaches into a large hole, and with an observation latent the network
# fills it with grey. Coordinates and an hourglass without skip connections continue the
# surroundings, as published.
_TASK_PRESETS["inpaint-holes", "balanced"] = _with(
    _TASK_PRESETS["inpaint-holes", "paper"],
    network={"channels": (32, 64, 64, 64, 64), "output": "linear", "bias": False},
    max_iterations=600,
)
_TASK_PRESETS["inpaint-holes", "fast"] = _with(
    _TASK_PRESETS["inpaint-holes", "balanced"],
    network={"channels": (16, 32, 32, 32, 32)},
    max_iterations=400,
)
# If few pixels are known, the task resembles super-resolution.
_TASK_PRESETS["inpaint-sparse", "paper"] = _TASK_PRESETS["inpaint", "paper"]
for _preset, _fit in _NOISE_LATENT.items():
    _TASK_PRESETS["inpaint-sparse", _preset] = _fit
# The network only corrects the total variation solution (docs/performance.md).
_TASK_PRESETS["fourier", "balanced"] = _with(
    _BALANCED,
    network={"tapered": False},
    learning_rate=0.01,
    max_iterations=300,
    stopping=StoppingConfig(heldout_fraction=0.08),
)
_TASK_PRESETS["fourier", "fast"] = _with(_FAST, learning_rate=0.01, max_iterations=100)

# Features cannot be an observation latent: a noise latent, and few channels at fine scales.
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
# Stopping rule "auto" of tasks without noise: features improve with every iteration,
# coefficients until the network learns the JPEG blocks.
AUTO_STOP: dict[TaskName, Stop] = {
    "invert-features": "none",
    "maximise-unit": "none",
    "dejpeg-coefficients": "blocks",
}

# A coefficient cannot be hidden as a pixel can, so the latent is noise. The network learns
# the blocks last, mostly after this many iterations (docs/performance.md).
_TASK_PRESETS["dejpeg-coefficients", "paper"] = _TASK_PRESETS["dejpeg", "paper"]
_TASK_PRESETS["dejpeg-coefficients", "balanced"] = _with(
    _NOISE_LATENT["balanced"], latent_noise=1 / 30, max_iterations=500
)
_TASK_PRESETS["dejpeg-coefficients", "fast"] = _with(
    _NOISE_LATENT["fast"], latent_noise=1 / 30, max_iterations=300
)

# A noise latent at full resolution is too slow for volumes.
_PLANES_ONLY = {
    (task, preset)
    for task in ("super-resolve", "super-resolve-x8", "inpaint-holes", "inpaint-sparse")
    for preset in ("balanced", "fast")
}
# A volume has many more pixels than a plane, and its kernels are three times as large, so
# it gets the network widths of the next faster preset.
_VOLUME_WIDTHS: dict[Preset, Preset] = {"balanced": "fast"}


def preset_of(preset: Preset, task: TaskName = "denoise", dims: int = 2) -> FitConfig:
    """Return the fit settings of a preset.

    Parameters
    ----------
    preset : {"fast", "balanced", "paper"}
        Name of the preset.
    task : str
        Name of the presets of the task.
    dims : {2, 3}
        Dimensions of one fit: planes or volumes.
    """
    if dims == 3 and (task, preset) in _PLANES_ONLY:
        task = "denoise"
    fit = _TASK_PRESETS.get((task, preset), PRESETS[preset])
    if dims == 3 and fit.stopping == _NOISE:
        fit = _with(fit, stopping=_NOISE_OF_VOLUMES)
    if dims == 2 or preset not in _VOLUME_WIDTHS:
        return fit
    narrower = preset_of(_VOLUME_WIDTHS[preset], task).network
    widths = narrower.model_dump(include={"channels", "skip_channels", "tapered"})
    return _with(fit, network=widths)


def for_correlated_noise(fit: FitConfig) -> FitConfig:
    """Return fit settings for correlated noise, which neighbouring pixels can predict.

    With an observation latent, the network learns such noise within some dozens of
    iterations. With a noise latent it learns coarse structure first, and the noise of
    the same frequencies later.
    """
    as_published = ("optimiser", "learning_rate", "posterior_noise")
    changes = {"latent": "noise", **_PAPER.model_dump(include=set(as_published))}
    network = {"skip_channels": _PAPER.network.skip_channels, "tapered": False}
    # In images with little structure, the network learns all of it within some dozens of
    # iterations.
    stopping = fit.stopping.model_copy(update={"guard": 20})
    return _with(fit, network=network, stopping=stopping, **changes)
