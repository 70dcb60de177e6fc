"""Deep Image Prior: restore one degraded image without training data.

`import napari_dip` is cheap: the first public name that needs torch imports it;
Qt and napari are never imported.
"""

from __future__ import annotations

import os
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_dip.api import (
        deconvolve,
        denoise,
        inpaint,
        invert_features,
        measure_psf,
        reconstruct_fourier,
        remove_jpeg,
        restore_guided,
        super_resolve,
    )
    from napari_dip.config import DipConfig
    from napari_dip.core.fitting.fit import fit
    from napari_dip.core.image.image import Image
    from napari_dip.core.restoration.forecast import forecast
    from napari_dip.core.restoration.restore import restore

# Threads of torch wait for one another in a loop. Where another program has one of the cores, a
# long loop takes that core from the thread it waits for: a run of 2 s took 44 s
# (docs/notebook/speed.md). Read once, when torch is imported.
os.environ.setdefault("GOMP_SPINCOUNT", "5000")

try:
    __version__ = version("napari-dip")
except PackageNotFoundError:  # a source tree that is not installed
    __version__ = "0+unknown"

_MODULE_OF = {
    "DipConfig": "napari_dip.config",
    "Image": "napari_dip.core.image.image",
    "deconvolve": "napari_dip.api",
    "denoise": "napari_dip.api",
    "inpaint": "napari_dip.api",
    "invert_features": "napari_dip.api",
    "measure_psf": "napari_dip.api",
    "reconstruct_fourier": "napari_dip.api",
    "remove_jpeg": "napari_dip.api",
    "restore_guided": "napari_dip.api",
    "super_resolve": "napari_dip.api",
    "fit": "napari_dip.core.fitting.fit",
    "forecast": "napari_dip.core.restoration.forecast",
    "restore": "napari_dip.core.restoration.restore",
}

__all__ = [
    "DipConfig",
    "Image",
    "__version__",
    "deconvolve",
    "denoise",
    "fit",
    "forecast",
    "inpaint",
    "invert_features",
    "measure_psf",
    "reconstruct_fourier",
    "remove_jpeg",
    "restore",
    "restore_guided",
    "super_resolve",
]


def __getattr__(name: str) -> Any:
    if name in _MODULE_OF:
        return getattr(import_module(_MODULE_OF[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
