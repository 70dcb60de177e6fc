"""Baselines: what well-known methods make of the same image, behind one signature.

Each is a library call for one block on the scale of the fit, told the same
facts that ours starts from: the deviation of the noise as it was measured,
which pixels are known, the factors and the PSF.
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

# Counts of iterations that Richardson-Lucy chooses from.
_COUNTS = (5, 10, 20, 40, 80)
# Sparse coding: side of a patch, atoms of the dictionary, patches that it is learnt from.
_PATCH, _ATOMS, _EXAMPLES = 7, 100, 4000
# A patch is coded until its residual is this many deviations of the noise (Elad and Aharon).
_RESIDUAL = 1.15


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a block beside its pixels, all on their scale.

    Attributes
    ----------
    sigma : float
        Standard deviation of the noise.
    zero : float
        No light: 0 on the image's scale, or its darkest pixel below that.
    known : (C, [Z, ]Y, X) bool array
        Pixels that were observed.
    factors : tuple of int
        How many times more pixels the result has along [Z, ]Y and X.
    psf : ([Z, ]Y, X) array or None
        Of a blur.
    noise : NoiseModel or None
        Variance as a function of the intensity; `sigma` everywhere when not given.
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
    # A single channel would be dropped, and X taken for channels.
    grey = len(values) == 1
    denoised: Values = restoration.denoise_nl_means(
        values[0] if grey else values,
        h=0.8 * facts.sigma,
        sigma=facts.sigma,
        # Of a volume a window of 23 x 23 x 23 voxels would take hours.
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


def _stabilised_bm3d(values: Values, facts: Facts) -> Values:
    """Make photon noise Gaussian of 1, denoise it, and go back without a bias.

    Generalised Anscombe transform and its inverse in closed form (Makitalo and
    Foi, IEEE TIP 22, 2013), with variance = slope * intensity + intercept.
    """
    slope = float(facts.noise.slope) if facts.noise else 0.0
    if slope <= 0 or facts.noise is None:
        return _bm3d(values, facts)
    dark = float(facts.noise.intercept) / slope**2
    stable = 2 * np.sqrt(np.maximum(values / slope + 3 / 8 + dark, 0))
    clean = np.maximum(_bm3d(stable, replace(facts, sigma=1.0)), 2 * np.sqrt(3 / 8))
    root = np.sqrt(3 / 2)
    photons = clean**2 / 4 + root / (4 * clean) - 11 / (8 * clean**2) + 5 * root / (8 * clean**3)
    return np.asarray(slope * (photons - 1 / 8 - dark))


def _sparse_coding(values: Values, facts: Facts) -> Values:
    """Code overlapping patches with few atoms of a dictionary learnt from the image itself."""
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
    """Enlarge along one axis after the other; pixel centres lie as those of our result."""
    from PIL import Image as Picture

    for axis, factor in enumerate(factors, values.ndim - len(factors)):
        first = np.moveaxis(values, axis, 0)
        rows = first.reshape(len(first), -1).astype(np.float32)
        size = (rows.shape[1], rows.shape[0] * factor)
        larger = np.asarray(Picture.fromarray(rows).resize(size, Picture.Resampling[kernel]))
        values = np.moveaxis(larger.reshape(-1, *first.shape[1:]), 0, axis)
    return values.astype(np.float64)


def _richardson_lucy(values: Values, facts: Facts) -> Values:
    """Iterate until the residual is as small as the noise: more would sharpen that."""
    assert facts.psf is not None  # the task has one
    margins = [(width // 2,) * 2 for width in facts.psf.shape]
    inside = tuple(slice(before, -before or None) for before, _ in margins)

    def sharpen(channel: Values) -> Values:
        light = np.pad(np.maximum(channel - facts.zero, 1e-6), margins, mode="symmetric")
        for count in _COUNTS:
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
    """A method to compare with.

    Attributes
    ----------
    name : str
    restore : callable
        Takes a block (C, [Z, ]Y, X) and its `Facts`; returns the block restored.
    tasks : tuple of str
        What it is a method for.
    library : str or None
        Needed beside the product's own dependencies.
    fills : bool
        Whether pixels may be missing.
    """

    name: str
    restore: Callable[[Values, Facts], Values]
    tasks: tuple[str, ...]
    library: str | None = None
    fills: bool = False


_DENOISERS = ("denoise", "dejpeg", "guided")
BASELINES = (
    Baseline("total variation", _total_variation, _DENOISERS),
    Baseline("non-local means", _non_local_means, _DENOISERS),
    Baseline("wavelet", _wavelet, _DENOISERS, "pywt"),
    Baseline("BM3D", _bm3d, _DENOISERS, "bm3d"),
    Baseline("BM3D stabilised", _stabilised_bm3d, _DENOISERS, "bm3d"),
    Baseline("sparse coding", _sparse_coding, _DENOISERS, "sklearn"),
    Baseline("biharmonic", _biharmonic, ("inpaint",), fills=True),
    Baseline("bicubic", _bicubic, ("super-resolve",)),
    Baseline("Lanczos", _lanczos, ("super-resolve",)),
    Baseline("Richardson-Lucy", _richardson_lucy, ("deconvolve",)),
    Baseline("zero-filled", _zero_filled, ("fourier",)),
)


def available(task: str = "denoise") -> list[Baseline]:
    """Return the baselines for a task whose libraries are installed.

    Examples
    --------
    >>> [baseline.name for baseline in available("super-resolve")]
    ['bicubic', 'Lanczos']
    """
    return [one for one in _methods(task) if one.library is None or installed(one.library)]


def missing(task: str) -> list[str]:
    """Return what to install for the other baselines for a task, in words."""
    return [
        f"{baseline.name} is left out because {baseline.library} is not installed. "
        f"Install it: {install_command(baseline.library)}."
        for baseline in _methods(task)
        if baseline.library is not None and not installed(baseline.library)
    ]


def _methods(task: str) -> list[Baseline]:
    return [baseline for baseline in BASELINES if task in baseline.tasks]
