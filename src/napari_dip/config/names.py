"""The words that a configuration may use, and the base of its models."""

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
    "hourglass", "unet", "resnet", "encoder-decoder", "deep-decoder", "conv-decoder"
]
LatentName = Literal["noise", "meshgrid", "fourier", "guide", "observation"]
Kernel = Literal["lanczos2", "box", "gaussian"]
Optics = Literal["scalar", "vectorial"]
WarmStart = Literal["auto", "on", "off"]
Known = Literal["keep", "restore"]
VoxelSize = dict[Literal["z", "y", "x"], Annotated[float, Field(gt=0)]]
JpegLoss = Literal["auto", "coefficients", "bins", "plain"]
TaskName = Literal[
    "denoise",
    "inpaint",
    "inpaint-holes",
    "inpaint-sparse",
    "super-resolve",
    "super-resolve-x8",
    "deconvolve",
    "dejpeg",
    "dejpeg-coefficients",
    "guided",
    "fourier",
    "invert-features",
    "maximise-unit",
]
# Tasks of a batch: an image file and parameters describe each.
BatchTask = Literal[
    "denoise", "inpaint", "super-resolve", "deconvolve", "dejpeg", "guided", "fourier"
]
# The pretrained network whose weights an installed package brings.
DEFAULT_FEATURES = "efficientnet-lite0"
# How many times more pixels along Y and X.
DEFAULT_FACTOR = 4
# The low-pass of the published experiments.
DEFAULT_KERNEL: Kernel = "lanczos2"
# Whether known pixels come back as they were observed.
DEFAULT_KNOWN: Known = "keep"
# Theory of a computed PSF.
DEFAULT_OPTICS: Optics = "scalar"
# Coefficients where the quantisation is known.
DEFAULT_LOSS: JpegLoss = "auto"
# For all iterates of a run that can be gone back to [bytes].
PAST_MEMORY = 2**28
# Of the files of a batch.
DEFAULT_SUFFIX = ".ome.tif"
# Of the immersion oil that objectives are made for.
REFRACTIVE_INDEX = 1.518
# Iterations more, where an uncertainty of one run is asked for.
UNCERTAINTY_SAMPLES = 100
# Largest side of a tile, where the memory decides [pixels].
MAX_TILE = 1024


class Frozen(BaseModel):
    """Base of all configuration: immutable, and unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")
