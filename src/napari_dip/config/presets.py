"""Presets: the fit settings of each task, as published and as fast as they can be."""

from typing import Any

from napari_dip.config.fit import FitConfig, NetworkConfig, StoppingConfig
from napari_dip.config.names import Preset, Stop, TaskName

# Published denoising configuration (Ulyanov, Vedaldi, Lempitsky, "Deep Image
# Prior", IJCV 2020, and its supplementary code).
_PAPER = FitConfig(
    network=NetworkConfig(output="sigmoid", bias=True),
    # A noise latent descends more slowly and over more bumps.
    stopping=StoppingConfig(heldout_patience=300, heldout_tolerance=5e-4),
)
# Few pixels are held out of a small image: what is not clearly worse by them is kept.
_LATE = StoppingConfig(heldout_margin=1.0)
# Fed with the observation, a narrow network at half resolution is past the
# quality of the published one after a tenth of the iterations, each a
# thirtieth of the work (docs/performance.md).
_FED: dict[str, Any] = {
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
    **_FED,
    max_iterations=600,
    warm_iterations=80,
)
_FAST = FitConfig(
    network=NetworkConfig(channels=(16, 32, 32, 32), skip_channels=8, pixel_shuffle=2),
    **_FED,
    max_iterations=400,
    warm_iterations=50,
)

PRESETS: dict[Preset, FitConfig] = {"fast": _FAST, "balanced": _BALANCED, "paper": _PAPER}


def _with(base: FitConfig, **changes: Any) -> FitConfig:
    network = base.network.model_copy(update=changes.pop("network", {}))
    return base.model_copy(update={"network": network, **changes})


# Of noise alone, up to some 180 x 180 pixels chance has more to say about the error of those
# held out than the noise that is learnt, which the variance of the outputs tells of as well.
_NOISE_OF_VOLUMES = _LATE.model_copy(update={"heldout_least": 1000})
# Of planes, both hardly ever fall again after as many iterations (docs/performance.md).
_NOISE = _NOISE_OF_VOLUMES.model_copy(update={"heldout_patience": 100, "variance_patience": 125})
# Of a small image that is to be enlarged some dozens of pixels are hidden, too few to end a
# fit by soon, and mostly there is no noise to end it for.
_FEW_PIXELS = StoppingConfig(heldout_patience=500)

# Where a task has presets of its own; the paper's from its supplementary code.
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

# What lies between the pixels is not in the observation: only the prior knows, and the
# network's own gains by a little total variation (docs/performance.md).
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

# Where pixels are missing there is no noise to stop before: it goes on getting better,
# from the smoothest surface through those that are known, in small steps (docs/performance.md).
_MISSING: dict[str, Any] = {
    "filling": "biharmonic",
    "reveal_every": 4,
    "learning_rate": 0.005,
    "averaging": 0.97,
    "stopping": StoppingConfig(heldout_patience=200, variance_patience=2000),
}
# Tapering was measured on noise alone.
_TASK_PRESETS["inpaint", "balanced"] = _with(
    _BALANCED, network={"tapered": False}, **_MISSING, max_iterations=2000
)
_TASK_PRESETS["inpaint", "fast"] = _with(_FAST, **_MISSING)
# A picture that is sharper than what was observed is found more slowly.
_TASK_PRESETS["deconvolve", "balanced"] = _with(_BALANCED, max_iterations=1000)
# Into a large hole no surface reaches, and a network that sees the observation puts grey
# there; coordinates and an hourglass without skips continue what is around, as published.
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
# Where hardly any pixel is known, it is as between the pixels of an image to be enlarged.
_TASK_PRESETS["inpaint-sparse", "paper"] = _TASK_PRESETS["inpaint", "paper"]
for _preset, _fit in _NOISE_LATENT.items():
    _TASK_PRESETS["inpaint-sparse", _preset] = _fit
# The network only corrects what total variation finds (docs/performance.md).
_TASK_PRESETS["fourier", "balanced"] = _with(
    _BALANCED,
    network={"tapered": False},
    learning_rate=0.01,
    max_iterations=300,
    stopping=StoppingConfig(heldout_fraction=0.08),
)
_TASK_PRESETS["fourier", "fast"] = _with(_FAST, learning_rate=0.01, max_iterations=100)

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
# What "auto" means to a task that has no noise: features are the better the longer they
# are fitted, coefficients until their blocks are learnt.
AUTO_STOP: dict[TaskName, Stop] = {
    "invert-features": "none",
    "maximise-unit": "none",
    "dejpeg-coefficients": "blocks",
}

# A coefficient cannot be hidden as a pixel can, so the latent is noise; blocks are
# learnt last, mostly after this many iterations (docs/performance.md).
_TASK_PRESETS["dejpeg-coefficients", "paper"] = _TASK_PRESETS["dejpeg", "paper"]
_TASK_PRESETS["dejpeg-coefficients", "balanced"] = _with(
    _NOISE_LATENT["balanced"], latent_noise=1 / 30, max_iterations=500
)
_TASK_PRESETS["dejpeg-coefficients", "fast"] = _with(
    _NOISE_LATENT["fast"], latent_noise=1 / 30, max_iterations=300
)

# A noise latent of a volume, all of it at full resolution, takes too long.
_PLANES_ONLY = {
    (task, preset)
    for task in ("super-resolve", "super-resolve-x8", "inpaint-holes", "inpaint-sparse")
    for preset in ("balanced", "fast")
}
# A volume has many times the pixels of a plane, and each a neighbourhood three
# times as large: the widths of the preset below.
_VOLUME_WIDTHS: dict[Preset, Preset] = {"balanced": "fast"}


def preset_of(preset: Preset, task: TaskName = "denoise", dims: int = 2) -> FitConfig:
    """Return how a task is fitted under a preset, plane by plane or in volumes."""
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
    """Return fit settings for noise that can be predicted from neighbouring pixels.

    A network that is fed with the observation learns such noise within some
    dozens of iterations. Fed with noise it learns coarse structure first, and
    noise at the frequencies that it has come to.
    """
    as_published = ("optimiser", "learning_rate", "posterior_noise")
    changes = {"latent": "noise", **_PAPER.model_dump(include=set(as_published))}
    network = {"skip_channels": _PAPER.network.skip_channels, "tapered": False}
    # Where there is little structure all of it is learnt within some dozens of iterations.
    stopping = fit.stopping.model_copy(update={"guard": 20})
    return _with(fit, network=network, stopping=stopping, **changes)
