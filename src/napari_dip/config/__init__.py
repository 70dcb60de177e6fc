"""Configuration: settings, defaults and presets of a restoration.

All defaults of the package are here. The models are frozen and convert to and from JSON.
Arrays (image, mask, PSF) are inputs, not configuration. The form in napari, the options
of the command line and the report are made from these fields and their descriptions.
"""

from napari_dip.config.dip import CompleteConfig, DipConfig
from napari_dip.config.fit import FitConfig, NetworkConfig, StoppingConfig
from napari_dip.config.names import (
    DEFAULT_FACTOR,
    DEFAULT_FEATURES,
    DEFAULT_KERNEL,
    DEFAULT_KNOWN,
    DEFAULT_LOSS,
    DEFAULT_OPTICS,
    DEFAULT_SUFFIX,
    FORMER_STOP,
    MAX_TILE,
    PAST_MEMORY,
    REFRACTIVE_INDEX,
    UNCERTAINTY_SAMPLES,
    BatchTask,
    Channels,
    Frozen,
    JpegLoss,
    Kernel,
    Known,
    LatentName,
    NetworkName,
    Noise,
    Optics,
    Precision,
    Preset,
    Stop,
    TaskName,
    VoxelSize,
    WarmStart,
)
from napari_dip.config.presets import PRESETS, for_correlated_noise, preset_of

__all__ = [
    "DEFAULT_FACTOR",
    "DEFAULT_FEATURES",
    "DEFAULT_KERNEL",
    "DEFAULT_KNOWN",
    "DEFAULT_LOSS",
    "DEFAULT_OPTICS",
    "DEFAULT_SUFFIX",
    "FORMER_STOP",
    "MAX_TILE",
    "PAST_MEMORY",
    "PRESETS",
    "REFRACTIVE_INDEX",
    "UNCERTAINTY_SAMPLES",
    "BatchTask",
    "Channels",
    "CompleteConfig",
    "DipConfig",
    "FitConfig",
    "Frozen",
    "JpegLoss",
    "Kernel",
    "Known",
    "LatentName",
    "NetworkConfig",
    "NetworkName",
    "Noise",
    "Optics",
    "Precision",
    "Preset",
    "Stop",
    "StoppingConfig",
    "TaskName",
    "VoxelSize",
    "WarmStart",
    "for_correlated_noise",
    "preset_of",
]
