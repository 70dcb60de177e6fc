"""API: one function for each task, from array to array, as in scikit-image."""

from napari_dip.api.beads import measure_psf
from napari_dip.api.completion import inpaint, reconstruct_fourier
from napari_dip.api.compression import remove_jpeg
from napari_dip.api.denoising import denoise, restore_guided
from napari_dip.api.features import invert_features
from napari_dip.api.resolution import deconvolve, super_resolve
from napari_dip.core.restoration.progress import finish

__all__ = [
    "deconvolve",
    "denoise",
    "finish",
    "inpaint",
    "invert_features",
    "measure_psf",
    "reconstruct_fourier",
    "remove_jpeg",
    "restore_guided",
    "super_resolve",
]
