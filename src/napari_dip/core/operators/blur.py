"""Blurs: convolution with a given PSF, or with a Gaussian whose width is fitted."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

import torch
from scipy.fft import next_fast_len
from torch import Tensor
from torch.nn import functional

from napari_dip.core.operators.base import Operator
from napari_dip.core.operators.psf.kernel import gaussian_reach

if TYPE_CHECKING:
    from napari_dip.core.image.shape import Shape

# Power that a frequency keeps from which on it is not raised further: its noise would dominate.
_WEAK = 0.1


class Convolution(Operator):
    """Convolution of an estimate that is larger than the field of view by the size of the PSF.

    The pixels outside the field of view are part of the estimate, so no boundary condition is
    assumed; only the pixels inside are returned.

    Parameters
    ----------
    size : tuple of int
        Size of the PSF along each convolved axis [pixels]; odd.
    """

    local = True

    def __init__(self, size: Shape) -> None:
        self._size = size
        self._axes = tuple(range(-len(size), 0))

    @property
    def size(self) -> Shape:
        """Size of the PSF along each convolved axis [pixels]."""
        return self._size

    @abstractmethod
    def _blurred(self, estimate: Tensor, padded: list[int]) -> Tensor:
        """Return the Fourier transform of the blurred estimate on a padded grid."""

    @abstractmethod
    def _correlated(self, spectrum: Tensor, padded: list[int]) -> Tensor:
        """Return the correlation with the PSF on a padded grid, of a Fourier transform."""

    @abstractmethod
    def _power(self, padded: list[int], like: Tensor) -> Tensor:
        """Return the share of the power that each frequency keeps, on a padded grid."""

    def __call__(self, estimate: Tensor) -> Tensor:
        shape = tuple(estimate.shape[-len(self._size) :])
        padded = [int(next_fast_len(n, real=True)) for n in shape]
        blurred: Tensor = torch.fft.irfftn(self._blurred(estimate, padded), padded, self._axes)
        # Here all pixels under the PSF belong to the estimate.
        for axis, n, width in zip(self._axes, shape, self._size, strict=True):
            blurred = blurred.narrow(axis, width - 1, n - width + 1)
        return blurred

    def adjoint(self, observation: Tensor) -> Tensor:
        """Map (N, C, *observed_shape) to (N, C, *estimate_shape): correlation with the PSF."""
        shape = self.estimate_shape(tuple(observation.shape[-len(self._size) :]))
        padded = [int(next_fast_len(n, real=True)) for n in shape]
        canvas = observation.new_zeros(*observation.shape[:2], *padded)
        seen = _first(canvas, shape)
        for axis, width in zip(self._axes, self._size, strict=True):
            seen = seen.narrow(axis, width - 1, seen.shape[axis] - width + 1)
        seen.copy_(observation)
        spectrum = torch.fft.rfftn(canvas, padded, self._axes)
        return _first(self._correlated(spectrum, padded), shape)

    def emphasised(self, residual: Tensor) -> Tensor:
        """Return a residual (N, C, *observed_shape) with the frequencies raised that A weakens.

        White noise keeps its variance. The squared result is closer to the squared error of the
        estimate than the squared residual is, so that a fit learns fine structure sooner.
        """
        observed = tuple(residual.shape[-len(self._size) :])
        padded = [int(next_fast_len(n, real=True)) for n in self.estimate_shape(observed)]
        weights = 1 / (self._power(padded, residual) + _WEAK)
        spectrum = torch.fft.rfftn(residual, padded, self._axes)
        raised: Tensor = torch.fft.irfftn(
            spectrum * (weights / weights.mean()).sqrt(), padded, self._axes
        )
        return _first(raised, observed)

    def estimate_shape(self, observed: Shape) -> Shape:
        return tuple(n + width - 1 for n, width in zip(observed, self._size, strict=True))

    def margin(self, axis: int) -> int:
        return self._size[axis] // 2

    def inside(self, estimate: Tensor) -> Tensor:
        for axis, width in zip(self._axes, self._size, strict=True):
            estimate = estimate.narrow(axis, width // 2, estimate.shape[axis] - width + 1)
        return estimate

    def lift(self, observation: Tensor) -> Tensor:
        margins = [width // 2 for width in reversed(self._size) for _ in range(2)]
        return functional.pad(observation, margins, mode="replicate")


class UniformConvolution(Convolution):
    """Convolution with the same PSF everywhere."""

    @abstractmethod
    def _otf(self, padded: list[int], like: Tensor) -> Tensor:
        """Return the Fourier transform of the PSF, first pixel at the origin, on a padded grid."""

    def _blurred(self, estimate: Tensor, padded: list[int]) -> Tensor:
        spectrum: Tensor = torch.fft.rfftn(estimate, padded, self._axes)
        return spectrum * self._otf(padded, estimate)

    def _correlated(self, spectrum: Tensor, padded: list[int]) -> Tensor:
        like = spectrum.real
        spread: Tensor = torch.fft.irfftn(
            spectrum * self._otf(padded, like).conj(), padded, self._axes
        )
        return spread

    def _power(self, padded: list[int], like: Tensor) -> Tensor:
        return self._otf(padded, like).abs().square()


class Blur(UniformConvolution):
    """Convolution with a given PSF.

    Parameters
    ----------
    psf : ([Z,] Y, X) Tensor
        Centred PSF of odd sizes and sum 1, with one dimension per convolved axis.

    Examples
    --------
    >>> blur = Blur(torch.full((3, 3), 1 / 9))
    >>> blur.estimate_shape((8, 8))
    (10, 10)
    >>> bool(torch.allclose(blur(torch.ones(1, 1, 10, 10)), torch.ones(1, 1, 8, 8)))
    True
    """

    def __init__(self, psf: Tensor) -> None:
        super().__init__(tuple(psf.shape))
        self._psf = psf
        self._spectra: dict[tuple[Shape, torch.device, torch.dtype], Tensor] = {}

    def _otf(self, padded: list[int], like: Tensor) -> Tensor:
        key = (tuple(padded), like.device, like.dtype)
        if key not in self._spectra:
            self._spectra[key] = torch.fft.rfftn(self._psf.to(like), padded, self._axes)
        return self._spectra[key]


class GaussianBlur(UniformConvolution):
    """Convolution with a Gaussian whose standard deviations are fitted together with the network.

    Parameters
    ----------
    sigma : tuple of float
        Start value of the standard deviation along each axis [pixels]; 0 for an axis
        without blur, which is not fitted.
    names : str
        Letters of the axes, such as "ZYX".
    device : torch.device, optional
        Device of the fit. Default: the CPU.

    References
    ----------
    D. Ren et al., "Neural blind deconvolution using deep priors", CVPR 2020; here only the
    width of the kernel is fitted.

    Examples
    --------
    >>> blur = GaussianBlur((1.0, 0.0), "YX")
    >>> blur.estimate_shape((8, 8)), blur.findings()
    ((16, 8), {'psf_sigma_y': 1.0})
    """

    def __init__(
        self, sigma: tuple[float, ...], names: str, device: torch.device | None = None
    ) -> None:
        super().__init__(tuple(2 * gaussian_reach(value) + 1 for value in sigma))
        self._sigma, self._names = sigma, names
        # Logarithms: steps are relative, and no width is negative.
        self._logarithms = [
            torch.tensor(value, device=device).log().requires_grad_() for value in sigma if value
        ]

    def fresh(self, device: torch.device) -> GaussianBlur:
        return GaussianBlur(self._sigma, self._names, device)

    def parameters(self) -> list[Tensor]:
        return self._logarithms

    def findings(self) -> dict[str, float]:
        blurred = [name for name, value in zip(self._names, self._sigma, strict=True) if value]
        return {
            f"psf_sigma_{name.lower()}": float(logarithm.detach().exp())
            for name, logarithm in zip(blurred, self._logarithms, strict=True)
        }

    def _otf(self, padded: list[int], like: Tensor) -> Tensor:
        psf, logarithms = torch.ones((), device=like.device), iter(self._logarithms)
        for value, width in zip(self._sigma, self._size, strict=True):
            distance = torch.arange(width, device=like.device) - width // 2
            line = torch.ones(1, device=like.device)
            if value:
                line = torch.exp(-0.5 * (distance / next(logarithms).exp()) ** 2)
            psf = psf[..., None] * (line / line.sum())
        otf: Tensor = torch.fft.rfftn(psf.to(like), padded, self._axes)
        return otf


def _first(values: Tensor, shape: Shape) -> Tensor:
    """Return the first pixels along the last axes, a view of this shape."""
    for axis, n in enumerate(shape, -len(shape)):
        values = values.narrow(axis, 0, n)
    return values
