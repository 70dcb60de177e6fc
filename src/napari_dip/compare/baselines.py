"""Registry of well-known restoration methods (baselines) with a common signature.

Each method restores one block on the intensity scale of the fit. It gets the same inputs
as a fit: the measured noise, the known pixels, the factors and the PSF.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_dip.compare import deconvolution, methods
from napari_dip.compare.stabilise import stabilised
from napari_dip.optional import install_command, installed

if TYPE_CHECKING:
    from napari_dip.compare.facts import Facts, Values


@dataclass(frozen=True, slots=True)
class Baseline:
    """A restoration method to compare with.

    Attributes
    ----------
    name : str
        Name to display.
    restore : callable
        Function of a block (C, [Z, ]Y, X) and its `Facts` that returns the restored block.
    tasks : tuple of str
        Names of the tasks that the method solves.
    library : str or None
        Optional library that the method needs.
    fills : bool
        Whether the method fills missing pixels.
    least_planes : int
        Smallest number of planes of a stack, which the method restores together; 0 for a method
        that also restores single planes.
    """

    name: str
    restore: Callable[[Values, Facts], Values]
    tasks: tuple[str, ...]
    library: str | None = None
    fills: bool = False
    least_planes: int = 0


_DENOISERS = ("denoise", "dejpeg", "guided")
BASELINES = (
    Baseline("total variation", methods.total_variation, _DENOISERS),
    Baseline("non-local means", methods.non_local_means, _DENOISERS),
    Baseline("wavelet", methods.wavelet, _DENOISERS, "pywt"),
    Baseline("BM3D", methods.bm3d, _DENOISERS, "bm3d"),
    Baseline("BM3D stabilised", stabilised(methods.bm3d), _DENOISERS, "bm3d"),
    Baseline("BM4D stabilised", stabilised(methods.bm4d), ("denoise",), "bm4d", least_planes=5),
    Baseline("sparse coding", methods.sparse_coding, _DENOISERS, "sklearn"),
    Baseline("biharmonic", methods.biharmonic, ("inpaint",), fills=True),
    Baseline("bicubic", methods.bicubic, ("super-resolve",)),
    Baseline("Lanczos", methods.lanczos, ("super-resolve",)),
    Baseline("Richardson-Lucy", deconvolution.richardson_lucy, ("deconvolve",)),
    Baseline("RL total variation", deconvolution.with_total_variation, ("deconvolve",)),
    Baseline("RL gradient consensus", deconvolution.with_consensus, ("deconvolve",)),
    Baseline("zero-filled", methods.zero_filled, ("fourier",)),
)


def available_baselines(task: str = "denoise") -> list[Baseline]:
    """Return the baselines for a task that can run with the installed libraries.

    Parameters
    ----------
    task : str, default "denoise"
        Name of the task.

    Examples
    --------
    >>> [baseline.name for baseline in available_baselines("super-resolve")]
    ['bicubic', 'Lanczos']
    """
    return [
        baseline
        for baseline in _baselines_for(task)
        if baseline.library is None or installed(baseline.library)
    ]


def missing_baselines(task: str) -> list[str]:
    """Return a sentence with the install command for each other baseline for a task."""
    return [
        f"{baseline.name} is left out because {baseline.library} is not installed. "
        f"Install it: {install_command(baseline.library)}."
        for baseline in _baselines_for(task)
        if baseline.library is not None and not installed(baseline.library)
    ]


def _baselines_for(task: str) -> list[Baseline]:
    return [baseline for baseline in BASELINES if task in baseline.tasks]
