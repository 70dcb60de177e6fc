"""Values of the choices of a configuration, shared defaults, and the base of its models."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Preset = Literal["fast", "balanced", "paper"]
Stop = Literal["auto", "heldout", "variance", "discrepancy", "sure", "blocks", "none"]
# Former names of stopping rules, which are still accepted.
FORMER_STOP: dict[str, Stop] = {"risk": "sure"}
Noise = Literal["auto", "gaussian", "poisson", "poisson-gaussian", "laplace"]
Precision = Literal["auto", "float32", "bfloat16"]
Channels = Literal["joint", "separate"]
NetworkName = Literal[
    "hourglass",
    "unet",
    "resnet",
    "residual-unet",
    "encoder-decoder",
    "deep-decoder",
    "conv-decoder",
]
LatentName = Literal[
    "noise", "meshgrid", "fourier", "guide", "observation", "recorrupted", "sharpened"
]
SolverName = Literal["fit", "plug-and-play", "axial"]
Kernel = Literal["lanczos2", "box", "gaussian", "none"]
AlongZ = Literal["correct", "fit"]
Optics = Literal["scalar", "vectorial"]
Microscope = Literal["widefield", "confocal", "spinning-disk", "two-photon", "light-sheet"]
WarmStart = Literal["auto", "on", "off"]
Start = Literal["learned", "random"]
Known = Literal["keep", "restore"]
StripesChoice = Literal["auto", "none", "rows", "columns", "partial-rows", "partial-columns"]
VoxelSize = dict[Literal["z", "y", "x"], Annotated[float, Field(gt=0)]]
JpegLoss = Literal["auto", "coefficients", "bins", "plain"]
TaskName = Literal[
    "denoise",
    "inpaint",
    "inpaint-holes",
    "inpaint-sparse",
    "super-resolve",
    "super-resolve-x8",
    "super-resolve-z",
    "deconvolve",
    "dejpeg",
    "dejpeg-coefficients",
    "guided",
    "fourier",
    "invert-features",
    "maximise-unit",
]
# Tasks that a batch can do: images and parameters describe them.
BatchTask = Literal[
    "denoise", "inpaint", "super-resolve", "deconvolve", "dejpeg", "guided", "fourier"
]
# Trained network whose weights come in an installable package.
DEFAULT_FEATURES = "efficientnet-lite0"
# Magnification along Y and X.
DEFAULT_FACTOR = 4
# Low-pass filter of the published experiments.
DEFAULT_KERNEL: Kernel = "lanczos2"
# Way to add planes between those of a stack.
DEFAULT_ALONG_Z: AlongZ = "correct"
# Known pixels of an inpainted image.
DEFAULT_KNOWN: Known = "keep"
# Theory of a computed PSF.
DEFAULT_OPTICS: Optics = "scalar"
# Diameter of the pinhole of a confocal microscope [Airy units].
DEFAULT_PINHOLE = 1.0
# Loss for JPEG images.
DEFAULT_LOSS: JpegLoss = "auto"
# Memory for the stored iterations of one run in the window [bytes].
PAST_MEMORY = 2**28
# Suffix of the results of a batch.
DEFAULT_SUFFIX = ".ome.tif"
# Refractive index of standard immersion oil.
REFRACTIVE_INDEX = 1.518
# Number of posterior samples, if the uncertainty of a single run is requested.
UNCERTAINTY_SAMPLES = 100
# Longest side of a tile that is chosen by the available memory [pixels].
MAX_TILE = 1024


class Frozen(BaseModel):
    """Base of all configuration models: immutable, without unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")
