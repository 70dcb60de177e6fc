"""Richardson-Lucy deconvolution: plain, with total variation, and with gradient consensus."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from napari_dip.core.operators.blur import Convolution

# Smallest share of the PSF of a pixel in the field of view: fewer photons of it were seen than
# determine its brightness.
_LEAST_SEEN = 1e-3
# Smallest brightness and smallest slope, relative to the mean brightness.
_DARK, _FLAT = 1e-6, 1e-4
# Smallest brightness of a first estimate, relative to the mean brightness.
_LEAST_START = 1e-3
# Smallest divisor of an update by total variation, which is 1 without it (Dey et al. divide by a
# number that may become negative).
_LEAST_DIVISOR = 0.1
# Iterations before the extrapolation: an image of few photons is sharpest after some iterations,
# which must not be passed by in one.
_STEADY = 10
# Limits of the stop of the consensus: share of updated pixels, and change of a pixel [photons].
_FEW_UPDATED, _FEW_PHOTONS = 0.01, 5.0


class RichardsonLucy:
    """The multiplicative update of Richardson and Lucy.

    The estimate reaches beyond the field of view by the size of the PSF. Only observed pixels
    count, so that nothing is assumed about the light outside.

    Parameters
    ----------
    blur : Convolution
        Convolution with the PSF, whose sum is 1.
    known : (1, C, [Z,] Y, X) Tensor
        Mask: 1 at observed pixels.

    References
    ----------
    W. H. Richardson, "Bayesian-based iterative method of image restoration", JOSA 62 (1972).
    M. Bertero, P. Boccacci, "A simple method for the reduction of boundary effects in the
    Richardson-Lucy approach to image deconvolution", A&A 437 (2005).

    Examples
    --------
    >>> from napari_dip.core.operators.blur import Blur
    >>> light = torch.zeros(1, 1, 9, 9)
    >>> light[..., 3:6, 3:6] = 1.0
    >>> blur = Blur(torch.full((3, 3), 1 / 9))
    >>> *_, sharp = RichardsonLucy(blur, torch.ones_like(light)).plain(light, 200)
    >>> round(float(blur.inside(sharp)[0, 0, 4, 4]), 1), bool((sharp >= 0).all())
    (9.0, True)
    """

    def __init__(self, blur: Convolution, known: Tensor) -> None:
        self._blur, self._known = blur, known
        self._seen = blur.adjoint(known).clamp(min=_LEAST_SEEN)

    def plain(
        self, light: Tensor, most: int, variation: float = 0.0, start: Tensor | None = None
    ) -> Iterator[Tensor]:
        """Yield the estimate after each iteration, later ones accelerated by extrapolation.

        Parameters
        ----------
        light : (1, C, [Z,] Y, X) Tensor
            Observation; 0 without light, in any unit.
        most : int
            Number of iterations.
        variation : float
            Weight of the total variation, 0 by default.
        start : (1, C, [Z,] Y, X) Tensor, optional
            First estimate, as bright as the light; a flat image by default.

        References
        ----------
        N. Dey et al., "Richardson-Lucy algorithm with total variation regularization for 3D
        confocal microscope deconvolution", Microsc. Res. Tech. 69 (2006).
        D. S. C. Biggs, M. Andrews, "Acceleration of iterative image restoration algorithms",
        Appl. Opt. 36 (1997).
        """
        flat = self._flat(light)
        # A pixel without light would stay dark.
        estimate = flat if start is None else torch.maximum(start, _LEAST_START * flat)
        predicted = estimate
        step = last = torch.zeros_like(estimate)
        for count in range(1, most + 1):
            update = self._update(light, predicted)
            if variation:
                slope = variation * divergence(predicted, len(self._blur.size)) / self._seen
                update = update / (1 - slope).clamp(min=_LEAST_DIVISOR)
            before, estimate = estimate, predicted * update
            yield estimate
            step, last = estimate - predicted, step
            predicted = estimate
            if count >= _STEADY:
                ahead = float((step * last).sum() / last.square().sum().clamp(min=1e-30))
                predicted = estimate + min(max(ahead, 0.0), 1.0) * (estimate - before)
                predicted = predicted.clamp(min=0)

    def consensus(
        self, halves: Callable[[], tuple[Tensor, Tensor]], light: Tensor, most: int
    ) -> Iterator[Tensor]:
        """Yield the estimate after each iteration; a pixel changes where both halves agree.

        Parameters
        ----------
        halves : callable
            Function that splits the light anew into two halves of independent noise, each with
            the brightness of the whole.
        light : (1, C, [Z,] Y, X) Tensor
            Observation; 0 without light, in any unit.
        most : int
            Number of iterations.

        References
        ----------
        J. Manton, A. York, "Richardson-Lucy with gradient consensus", Zenodo 10278919 (2023).
        """
        estimate = self._flat(light)
        for _ in range(most):
            first, second = (self._update(half, estimate) for half in halves())
            agreement = (first - 1) * (second - 1)
            # Both halves agree as well as the PSF can resolve.
            agreement = self._blur.adjoint(self._blur(agreement) * self._known)
            estimate = torch.where(agreement < 0, estimate, estimate * (first + second) / 2)
            yield estimate

    def _flat(self, light: Tensor) -> Tensor:
        axes = tuple(range(2, light.ndim))
        count = self._known.sum(axes, keepdim=True).clamp(min=1)
        mean = (light * self._known).sum(axes, keepdim=True) / count
        return mean.expand_as(self._seen).clone()

    def _update(self, light: Tensor, estimate: Tensor) -> Tensor:
        dark = _DARK * float(estimate.mean()) + 1e-20
        ratio = self._known * light.clamp(min=0) / self._blur(estimate).clamp(min=dark)
        # The Fourier transform leaves small negative numbers.
        return self._blur.adjoint(ratio).clamp(min=0) / self._seen


def has_consensus(before: Tensor, after: Tensor, brightest: float) -> bool:
    """Return whether an update by consensus was so small that the iterations may end.

    Parameters
    ----------
    before, after : (1, C, [Z,] Y, X) Tensor
        Estimates before and after an iteration.
    brightest : float
        Number of photons at the brightest pixel of the observation.
    """
    change = (after - before).abs()
    updated = float((change > 0).float().mean())
    largest = float(change.max() / after.max().clamp(min=1e-20))
    return updated < _FEW_UPDATED or largest < _FEW_PHOTONS / max(brightest, _FEW_PHOTONS)


def divergence(image: Tensor, dims: int) -> Tensor:
    """Return the divergence of the directions of the slopes of an image.

    It is the negative gradient of the total variation over the last `dims` axes.
    """
    axes = range(-dims, 0)
    rises = [_rise(image, axis) for axis in axes]
    least = (_FLAT * image.mean()).square() + 1e-20
    length = (sum(rise.square() for rise in rises) + least).sqrt()
    total = torch.zeros_like(image)
    for axis, rise in zip(axes, rises, strict=True):
        direction = rise / length
        total += direction
        size = image.shape[axis] - 1
        total.narrow(axis, 1, size).sub_(direction.narrow(axis, 0, size))
    return total


def _rise(image: Tensor, axis: int) -> Tensor:
    """Return the difference to the next pixel; 0 at the last."""
    size = image.shape[axis] - 1
    rise = torch.zeros_like(image)
    rise.narrow(axis, 0, size).copy_(image.narrow(axis, 1, size) - image.narrow(axis, 0, size))
    return rise
