"""Methods for noise, missing pixels, enlarging and k-space, with a common signature.

Each takes a block (C, [Z, ]Y, X) and its `Facts`, and returns the restored block.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from skimage import restoration

if TYPE_CHECKING:
    from napari_dip.compare.facts import Facts, Values

# Sparse coding: side of a patch [pixels], number of atoms, number of training patches.
_PATCH, _ATOMS, _EXAMPLES = 7, 100, 4000
# Residual at which the coding of a patch stops, in standard deviations of the noise
# (Elad and Aharon).
_RESIDUAL = 1.15


def total_variation(values: Values, facts: Facts) -> Values:
    return restoration.denoise_tv_chambolle(values, weight=facts.sigma, channel_axis=0)  # type: ignore[no-any-return]


def non_local_means(values: Values, facts: Facts) -> Values:
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


def wavelet(values: Values, facts: Facts) -> Values:
    return restoration.denoise_wavelet(values, sigma=facts.sigma, channel_axis=0)  # type: ignore[no-any-return]


def bm3d(values: Values, facts: Facts) -> Values:
    import bm3d

    return _each_plane(lambda plane: bm3d.bm3d(plane, facts.sigma), values)


def bm4d(values: Values, facts: Facts) -> Values:
    import bm4d

    return np.stack([bm4d.bm4d(volume, facts.sigma) for volume in values])


def sparse_coding(values: Values, facts: Facts) -> Values:
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


def biharmonic(values: Values, facts: Facts) -> Values:
    return np.stack(
        [
            restoration.inpaint_biharmonic(channel, ~known)
            for channel, known in zip(values, facts.known, strict=True)
        ]
    )


def bicubic(values: Values, facts: Facts) -> Values:
    return _resample(values, facts.factors, "BICUBIC")


def lanczos(values: Values, facts: Facts) -> Values:
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


def zero_filled(values: Values, facts: Facts) -> Values:
    return values
