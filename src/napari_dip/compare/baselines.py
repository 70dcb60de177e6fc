"""Well-known restoration methods (baselines) with a common signature.

Each method restores one block on the intensity scale of the fit. It gets the same inputs
as a fit: the measured noise, the known pixels, the factors and the PSF.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import signal
from skimage import restoration

from napari_dip.optional import install_command, installed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_dip.core.noise.model import NoiseModel

    Values = NDArray[np.float64]

# Numbers of iterations to try for Richardson-Lucy.
_ITERATIONS = (5, 10, 20, 40, 80)
# Sparse coding: side of a patch [pixels], number of atoms, number of training patches.
_PATCH, _ATOMS, _EXAMPLES = 7, 100, 4000
# Residual at which the coding of a patch stops, in standard deviations of the noise
# (Elad and Aharon).
_RESIDUAL = 1.15


@dataclass(frozen=True, slots=True)
class Facts:
    """Inputs of a baseline besides the pixels of a block, on their intensity scale.

    Attributes
    ----------
    sigma : float
        Standard deviation of the noise.
    zero : float
        Intensity without light: 0 of the image, or its darkest pixel if that is negative.
    known : (C, [Z, ]Y, X) bool array
        Mask of observed pixels.
    factors : tuple of int
        Factors of super-resolution along [Z, ]Y and X; 1 for other tasks.
    psf : ([Z, ]Y, X) array or None
        Point spread function of deconvolution.
    noise : NoiseModel or None
        Variance of the noise as a function of intensity; None for the constant `sigma`.
    """

    sigma: float
    zero: float
    known: NDArray[np.bool_]
    factors: tuple[int, ...]
    psf: NDArray[np.float32] | None = None
    noise: NoiseModel | None = None


def _total_variation(values: Values, facts: Facts) -> Values:
    return restoration.denoise_tv_chambolle(values, weight=facts.sigma, channel_axis=0)  # type: ignore[no-any-return]


def _non_local_means(values: Values, facts: Facts) -> Values:
    # With channel_axis, a single channel is dropped and X becomes the channels.
    grey = len(values) == 1
    denoised: Values = restoration.denoise_nl_means(
        values[0] if grey else values,
        h=0.8 * facts.sigma,
        sigma=facts.sigma,
        # A search window of 23 x 23 x 23 voxels takes hours.
        patch_distance=11 if values.ndim == 3 else 5,
        fast_mode=True,
        channel_axis=None if grey else 0,
    )
    return denoised[None] if grey else denoised


def _wavelet(values: Values, facts: Facts) -> Values:
    return restoration.denoise_wavelet(values, sigma=facts.sigma, channel_axis=0)  # type: ignore[no-any-return]


def _bm3d(values: Values, facts: Facts) -> Values:
    import bm3d

    return _each_plane(lambda plane: bm3d.bm3d(plane, facts.sigma), values)


def _bm4d(values: Values, facts: Facts) -> Values:
    import bm4d

    return np.stack([bm4d.bm4d(volume, facts.sigma) for volume in values])


def _stabilised(denoiser: Callable[[Values, Facts], Values]) -> Callable[[Values, Facts], Values]:
    """Return a denoiser that stabilises the variance of Poisson-Gaussian noise first."""

    def denoise(values: Values, facts: Facts) -> Values:
        slope = float(facts.noise.slope) if facts.noise else 0.0
        if slope <= 0 or facts.noise is None:
            return denoiser(values, facts)
        intercept = float(facts.noise.intercept)
        stable = stabilise(values, slope, intercept)
        return unstabilise(denoiser(stable, replace(facts, sigma=1.0)), slope, intercept)

    return denoise


def stabilise(values: Values, slope: float, intercept: float = 0.0) -> Values:
    """Make the standard deviation of Poisson-Gaussian noise about 1.

    Generalised Anscombe transform.

    Parameters
    ----------
    values : (...) array
        Noisy intensities, whose variance is `slope` * intensity + `intercept`.
    slope, intercept : float
        Line of the variance over intensity; the slope is positive.
    """
    photons = values / slope + 3 / 8 + intercept / slope**2
    return np.asarray(2 * np.sqrt(np.maximum(photons, 0)))


def unstabilise(stable: Values, slope: float, intercept: float = 0.0) -> Values:
    """Return the intensities of a denoised stabilised image.

    Unbiased inverse of `stabilise` in closed form (Makitalo and Foi, IEEE TIP 22, 2013).

    Parameters
    ----------
    stable : (...) array
        Denoised values, on the scale of `stabilise`.
    slope, intercept : float
        Line of the variance over intensity, as for `stabilise`.
    """
    clean = np.maximum(stable, 2 * np.sqrt(3 / 8))
    root = np.sqrt(3 / 2)
    photons = clean**2 / 4 + root / (4 * clean) - 11 / (8 * clean**2) + 5 * root / (8 * clean**3)
    return np.asarray(slope * (photons - 1 / 8 - intercept / slope**2))


def _sparse_coding(values: Values, facts: Facts) -> Values:
    """Code overlapping patches with few atoms of a dictionary learned from the image."""
    from sklearn.decomposition import MiniBatchDictionaryLearning
    from sklearn.feature_extraction.image import extract_patches_2d, reconstruct_from_patches_2d
    from sklearn.linear_model import orthogonal_mp

    tolerance = (_RESIDUAL * facts.sigma * _PATCH) ** 2

    def denoise(plane: Values) -> Values:
        side = (min(_PATCH, plane.shape[0]), min(_PATCH, plane.shape[1]))
        patches = extract_patches_2d(plane, side).reshape(-1, side[0] * side[1])
        means = patches.mean(axis=1, keepdims=True)
        patches = patches - means
        examples = np.random.default_rng(0).permutation(patches)[:_EXAMPLES]
        learner = MiniBatchDictionaryLearning(
            _ATOMS, alpha=2 * facts.sigma, max_iter=2, batch_size=256, random_state=0
        )
        atoms = learner.fit(examples).components_
        codes = orthogonal_mp(atoms.T, patches.T, tol=tolerance, precompute=True)
        cleaned = (atoms.T @ codes).T + means
        return reconstruct_from_patches_2d(cleaned.reshape(-1, *side), plane.shape)  # type: ignore[no-any-return]

    return _each_plane(denoise, values)


def _each_plane(function: Callable[[Values], Values], values: Values) -> Values:
    planes = values.reshape(-1, *values.shape[-2:])
    return np.stack([function(plane) for plane in planes]).reshape(values.shape)


def _biharmonic(values: Values, facts: Facts) -> Values:
    return np.stack(
        [
            restoration.inpaint_biharmonic(channel, ~known)
            for channel, known in zip(values, facts.known, strict=True)
        ]
    )


def _bicubic(values: Values, facts: Facts) -> Values:
    return _resample(values, facts.factors, "BICUBIC")


def _lanczos(values: Values, facts: Facts) -> Values:
    return _resample(values, facts.factors, "LANCZOS")


def _resample(values: Values, factors: tuple[int, ...], kernel: str) -> Values:
    """Enlarge along one axis after another, with pixel centres as in `SuperResolve`."""
    from PIL import Image as Picture

    for axis, factor in enumerate(factors, values.ndim - len(factors)):
        first = np.moveaxis(values, axis, 0)
        rows = first.reshape(len(first), -1).astype(np.float32)
        size = (rows.shape[1], rows.shape[0] * factor)
        larger = np.asarray(Picture.fromarray(rows).resize(size, Picture.Resampling[kernel]))
        values = np.moveaxis(larger.reshape(-1, *first.shape[1:]), 0, axis)
    return values.astype(np.float64)


def _richardson_lucy(values: Values, facts: Facts) -> Values:
    """Deconvolve until the residual is as small as the noise; more iterations amplify noise."""
    assert facts.psf is not None  # only for deconvolution, which has a PSF
    margins = [(width // 2,) * 2 for width in facts.psf.shape]
    inside = tuple(slice(before, -before or None) for before, _ in margins)

    def sharpen(channel: Values) -> Values:
        light = np.pad(np.maximum(channel - facts.zero, 1e-6), margins, mode="symmetric")
        for count in _ITERATIONS:
            sharp: Values = restoration.richardson_lucy(light, facts.psf, count, clip=False)
            residual = (signal.fftconvolve(sharp, facts.psf, mode="same") - light)[inside]
            if np.sqrt(np.mean(residual**2)) <= facts.sigma:
                break
        return sharp[inside] + facts.zero

    return np.stack([sharpen(channel) for channel in values])


def _zero_filled(values: Values, facts: Facts) -> Values:
    return values


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
    Baseline("total variation", _total_variation, _DENOISERS),
    Baseline("non-local means", _non_local_means, _DENOISERS),
    Baseline("wavelet", _wavelet, _DENOISERS, "pywt"),
    Baseline("BM3D", _bm3d, _DENOISERS, "bm3d"),
    Baseline("BM3D stabilised", _stabilised(_bm3d), _DENOISERS, "bm3d"),
    Baseline("BM4D stabilised", _stabilised(_bm4d), ("denoise",), "bm4d", least_planes=5),
    Baseline("sparse coding", _sparse_coding, _DENOISERS, "sklearn"),
    Baseline("biharmonic", _biharmonic, ("inpaint",), fills=True),
    Baseline("bicubic", _bicubic, ("super-resolve",)),
    Baseline("Lanczos", _lanczos, ("super-resolve",)),
    Baseline("Richardson-Lucy", _richardson_lucy, ("deconvolve",)),
    Baseline("zero-filled", _zero_filled, ("fourier",)),
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
