"""Downsampling: a low-pass filter, then every n-th pixel along each axis."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from napari_dip.config import DEFAULT_KERNEL
from napari_dip.core.noise.normal import FWHM
from napari_dip.core.operators.base import Operator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_dip.config import Kernel
    from napari_dip.core.image.shape import Shape

# Radius at which a Gaussian kernel is truncated, in standard deviations.
_GAUSSIAN_REACH = 3.0


class Downsample(Operator):
    """Low-pass filter, then every n-th pixel along each axis (eq. 5).

    Sample j lies at the centre of its n pixels, j n + (n - 1)/2: phase 0.5 of
    the published code. Beyond the border the outermost pixel is repeated.

    Parameters
    ----------
    factors : sequence of int
        Factor n along each spatial axis; 1 leaves an axis unchanged.
    kernel : {"lanczos2", "box", "gaussian", "none"}
        Low-pass filter: the published one; the mean of the pixels, like binning; a Gaussian
        whose full width at half maximum is one coarse pixel; or none, so that the pixel in the
        middle is kept. Default "lanczos2".

    References
    ----------
    Ulyanov, Vedaldi, Lempitsky: Deep Image Prior, IJCV 2020, Sec. 3.2.

    Examples
    --------
    >>> binned = Downsample((2, 2), "box")(torch.arange(16.0).reshape(1, 1, 4, 4))
    >>> binned.flatten().tolist()
    [2.5, 4.5, 10.5, 12.5]
    """

    local = True

    def __init__(self, factors: Sequence[int], kernel: Kernel = DEFAULT_KERNEL) -> None:
        self._factors = tuple(factors)
        self._taps = [_taps(factor, kernel) for factor in self._factors]

    def __call__(self, estimate: Tensor) -> Tensor:
        for axis, (factor, taps) in enumerate(zip(self._factors, self._taps, strict=True)):
            if factor > 1:
                estimate = _decimate(estimate, axis - len(self._factors), factor, taps)
        return estimate

    def estimate_shape(self, observed: Shape) -> Shape:
        return tuple(size * factor for size, factor in zip(observed, self._factors, strict=True))

    @property
    def factors(self) -> tuple[int, ...]:
        """Factor along each spatial axis."""
        return self._factors

    def along(self, axis: int) -> Downsample:
        """Return the operator of slices (rows, columns) whose rows lie along one axis."""
        slices = Downsample((self._factors[axis], 1))
        slices._taps = [self._taps[axis], torch.ones(1)]
        return slices

    def power(self, axis: int) -> float:
        """Return the variance of white noise after the filter of an axis, relative to before."""
        return float(self._taps[axis].square().sum()) if self._factors[axis] > 1 else 1.0

    def margin(self, axis: int) -> int:
        factor, reach = self._factors[axis], len(self._taps[axis])
        return math.ceil((reach - factor) / 2 / factor) if factor > 1 else 0

    def lift(self, observation: Tensor) -> Tensor:
        mode = {2: "bicubic", 3: "trilinear"}[len(self._factors)]
        size = self.estimate_shape(tuple(observation.shape[2:]))
        return functional.interpolate(observation, size, mode=mode, align_corners=False)


def _taps(factor: int, kernel: Kernel) -> Tensor:
    """Return the filter taps (taps,) of one axis, centred on a coarse pixel, with sum 1."""
    # Fine pixels lie at integer distances from (n - 1)/2 before the centre.
    first = (factor - 1) / 2
    reach = {
        "lanczos2": 2.0 * factor,
        "box": factor / 2,
        "gaussian": _GAUSSIAN_REACH * factor / FWHM,
        "none": factor / 2,
    }[kernel]
    beyond = max(math.ceil(reach - first) - 1, 0)
    distance = torch.arange(-first - beyond, first + beyond + 0.5, dtype=torch.float64) / factor
    weights = {
        "lanczos2": lambda: torch.sinc(distance) * torch.sinc(distance / 2),
        "box": lambda: torch.ones_like(distance),
        "gaussian": lambda: torch.exp(-0.5 * (distance * FWHM) ** 2),
        # The middle pixel, or the mean of the two in the middle.
        "none": lambda: (distance.abs() * factor < 0.75).double(),
    }[kernel]()
    return (weights / weights.sum()).float()


def _decimate(values: Tensor, axis: int, factor: int, taps: Tensor) -> Tensor:
    """Filter one axis and keep one sample of every `factor` pixels."""
    last = values.movedim(axis, -1)
    rows = last.reshape(-1, 1, last.shape[-1])  # (everything else, 1, size)
    margin = (len(taps) - factor) // 2
    rows = functional.pad(rows, (margin, margin), mode="replicate")
    coarse = functional.conv1d(rows, taps.to(values).reshape(1, 1, -1), stride=factor)
    return coarse.reshape(*last.shape[:-1], -1).movedim(-1, axis)
