"""Blur that changes with depth: a PSF for each slab of planes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from napari_dip.core.operators.blur import Convolution

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_dip.core.image.shape import Shape


class SlabBlur(Convolution):
    """Sum of convolutions, A x = sum over k of h_k * (w_k x), with a PSF h_k for each slab.

    The weights w_k depend on the plane and sum to 1, so that each pixel of the estimate spreads
    its light by a mixture of the PSFs of the nearest slabs, and no light is lost.

    Parameters
    ----------
    psfs : (K, Z, Y, X) Tensor
        Centred PSFs of odd sizes and sum 1.
    weights : (K, planes) Tensor
        Weight of each PSF at each plane of the estimate, which has ``Z // 2`` planes more than
        the observation at both ends; an estimate of fewer planes begins at the first one. See
        `slab_weights`.

    References
    ----------
    J. G. Nagy, D. P. O'Leary, "Restoring images degraded by spatially variant blur", SIAM J. Sci.
    Comput. 19 (1998).
    C. Preza, J.-A. Conchello, "Depth-variant maximum-likelihood restoration for three-dimensional
    fluorescence microscopy", JOSA A 21 (2004).

    Examples
    --------
    >>> psfs = torch.zeros(2, 1, 3, 3)
    >>> psfs[0, 0, 1, 1] = 1.0
    >>> psfs[1] = 1 / 9
    >>> blur = SlabBlur(psfs, slab_weights([0.0, 1.0, 2.0], [0.0, 2.0]))
    >>> estimate = torch.zeros(1, 1, 3, 5, 5)
    >>> estimate[..., 2, 2] = 9.0
    >>> blur(estimate)[0, 0, :, 1, 1].round().tolist()
    [9.0, 5.0, 1.0]
    """

    def __init__(self, psfs: Tensor, weights: Tensor) -> None:
        super().__init__(tuple(psfs.shape[1:]))
        self._psfs, self._weights = psfs, weights
        self._spectra: dict[tuple[Shape, torch.device, torch.dtype], Tensor] = {}

    def part(self, observed: Shape, start: Shape | None = None) -> SlabBlur:
        planes = self.estimate_shape(observed)[0]
        return SlabBlur(self._psfs, self._weights.narrow(1, start[0] if start else 0, planes))

    def _blurred(self, estimate: Tensor, padded: list[int]) -> Tensor:
        otfs = self._otfs(padded, estimate)
        spectrum = torch.zeros((), device=estimate.device)
        weights = self._by_plane(estimate.shape[self._axes[0]], estimate)
        for weight, otf in zip(weights, otfs, strict=True):
            spectrum = spectrum + otf * torch.fft.rfftn(weight * estimate, padded, self._axes)
        return spectrum

    def _correlated(self, spectrum: Tensor, padded: list[int]) -> Tensor:
        like = spectrum.real
        spread = torch.zeros((), device=like.device)
        weights = self._by_plane(padded[0], like)
        for weight, otf in zip(weights, self._otfs(padded, like), strict=True):
            light = torch.fft.irfftn(spectrum * otf.conj(), padded, self._axes)
            spread = spread + weight * light.narrow(self._axes[0], 0, len(weight))
        return spread

    def _power(self, padded: list[int], like: Tensor) -> Tensor:
        return self._otfs(padded, like).abs().square().mean(dim=0)

    def _by_plane(self, planes: int, like: Tensor) -> Tensor:
        """Return the weights (K, planes, 1, 1) of the first planes."""
        return self._weights[:, :planes].to(like)[..., None, None]

    def _otfs(self, padded: list[int], like: Tensor) -> Tensor:
        key = (tuple(padded), like.device, like.dtype)
        if key not in self._spectra:
            self._spectra[key] = torch.fft.rfftn(self._psfs.to(like), padded, self._axes)
        return self._spectra[key]


def slab_weights(depths: Sequence[float], centres: Sequence[float]) -> Tensor:
    """Return weights that interpolate linearly between the centres of slabs.

    Parameters
    ----------
    depths : (planes,) sequence of float
        Depth of each plane [micrometre].
    centres : (K,) sequence of float
        Depths of the centres, rising [micrometre]. Planes beyond them belong to the last slab.

    Returns
    -------
    (K, planes) Tensor
        Weights from 0 to 1 whose sum is 1 at each plane.

    Examples
    --------
    >>> slab_weights([-1.0, 0.0, 0.5, 2.0], [0.0, 2.0]).tolist()
    [[1.0, 1.0, 0.75, 0.0], [0.0, 0.0, 0.25, 1.0]]
    """
    lines = [np.interp(depths, centres, unit) for unit in np.eye(len(centres))]
    return torch.from_numpy(np.stack(lines).astype(np.float32))
