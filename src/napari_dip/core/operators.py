"""Forward operators A: what turns an estimate into what the microscope would have recorded.

Each works on the last axes of a tensor, as many as it has factors or PSF
dimensions, so that planes and volumes share one code. The affine intensity map
of an image commutes with all of them.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_dip.config import Kernel
    from napari_dip.core.noise import NoiseModel

Shape = tuple[int, ...]

# Full width at half maximum over standard deviation of a Gaussian.
_FWHM = 2 * math.sqrt(2 * math.log(2))
# Where a Gaussian kernel is cut, in standard deviations.
_GAUSSIAN_REACH = 3.0
# Frequencies that hold nearly all of an image's energy [cycles per pixel].
_LOW_FREQUENCY = 0.04


class Operator(ABC):
    """A, a map from the estimate to the observation, linear here; the identity in shape."""

    @abstractmethod
    def __call__(self, estimate: Tensor) -> Tensor:
        """Map (N, C, ..., estimate's shape) to (N, C, ..., observation's shape)."""

    def estimate_shape(self, observed: Shape) -> Shape:
        """Return the spatial shape of the estimate behind an observation."""
        return observed

    def estimate_channels(self, observed: int) -> int:
        """Return how many channels the estimate behind an observation has."""
        return observed

    def inside(self, estimate: Tensor) -> Tensor:
        """Cut off what the estimate has beyond the field of view."""
        return estimate

    def lift(self, observation: Tensor) -> Tensor:
        """Return a picture of the estimate's shape that resembles the observation."""
        return observation

    def measured(self, picture: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        """Return what was recorded, and where, of an image (1, C, ...) that was made of it."""
        return picture, valid

    def noise(self, noise: NoiseModel, recorded: Tensor) -> NoiseModel:
        """Return the noise of what was recorded, given that of the picture it was made of."""
        return noise

    def spared(self, observation: Tensor) -> Tensor | None:
        """Return True where a pixel must not be hidden from the fit; None for nowhere."""
        return None

    def fresh(self, device: torch.device) -> Operator:
        """Return an operator for one fit alone, which may change it."""
        return self

    def parameters(self) -> list[Tensor]:
        """Return what is fitted together with the network."""
        return []

    def findings(self) -> dict[str, float]:
        """Return what a fit has found out about the operator, for the report."""
        return {}


class Identity(Operator):
    """The observation is the estimate, with noise or missing pixels (eq. 3 and 6)."""

    def __call__(self, estimate: Tensor) -> Tensor:
        return estimate


class Downsample(Operator):
    """Low-pass and take every n-th pixel along each axis (eq. 5).

    Sample j lies at the centre of its n pixels, j n + (n - 1)/2: phase 0.5 of
    the published code. Beyond the border the outermost pixel goes on.

    Parameters
    ----------
    factors : sequence of int
        n along each spatial axis; 1 leaves an axis alone.
    kernel : {"lanczos2", "box", "gaussian"}
        Low-pass: as published; the mean of the pixels, as binning does; or a
        Gaussian whose full width at half maximum is one coarse pixel.

    References
    ----------
    Ulyanov, Vedaldi, Lempitsky: Deep Image Prior, IJCV 2020, Sec. 3.2.

    Examples
    --------
    >>> binned = Downsample((2, 2), "box")(torch.arange(16.0).reshape(1, 1, 4, 4))
    >>> binned.flatten().tolist()
    [2.5, 4.5, 10.5, 12.5]
    """

    def __init__(self, factors: Sequence[int], kernel: Kernel = "lanczos2") -> None:
        self._factors = tuple(factors)
        self._taps = [_taps(factor, kernel) for factor in self._factors]

    def __call__(self, estimate: Tensor) -> Tensor:
        for axis, (factor, taps) in enumerate(zip(self._factors, self._taps, strict=True)):
            if factor > 1:
                estimate = _decimate(estimate, axis - len(self._factors), factor, taps)
        return estimate

    def estimate_shape(self, observed: Shape) -> Shape:
        return tuple(size * factor for size, factor in zip(observed, self._factors, strict=True))

    def lift(self, observation: Tensor) -> Tensor:
        mode = {2: "bicubic", 3: "trilinear"}[len(self._factors)]
        size = self.estimate_shape(tuple(observation.shape[2:]))
        return functional.interpolate(observation, size, mode=mode, align_corners=False)


def _taps(factor: int, kernel: Kernel) -> Tensor:
    """Return the low-pass of one axis, centred on a coarse pixel, with sum 1."""
    # Fine pixels lie at (n - 1)/2 plus whole numbers from the centre.
    first = (factor - 1) / 2
    reach = {
        "lanczos2": 2.0 * factor,
        "box": factor / 2,
        "gaussian": _GAUSSIAN_REACH * factor / _FWHM,
    }[kernel]
    beyond = max(math.ceil(reach - first) - 1, 0)
    distance = torch.arange(-first - beyond, first + beyond + 0.5, dtype=torch.float64) / factor
    weights = {
        "lanczos2": lambda: torch.sinc(distance) * torch.sinc(distance / 2),
        "box": lambda: torch.ones_like(distance),
        "gaussian": lambda: torch.exp(-0.5 * (distance * _FWHM) ** 2),
    }[kernel]()
    return (weights / weights.sum()).float()


def _decimate(values: Tensor, axis: int, factor: int, taps: Tensor) -> Tensor:
    last = values.movedim(axis, -1)
    rows = last.reshape(-1, 1, last.shape[-1])  # (everything else, 1, size)
    margin = (len(taps) - factor) // 2
    rows = functional.pad(rows, (margin, margin), mode="replicate")
    coarse = functional.conv1d(rows, taps.to(values).reshape(1, 1, -1), stride=factor)
    return coarse.reshape(*last.shape[:-1], -1).movedim(-1, axis)


class Fourier(Operator):
    """Unitary Fourier transform of each plane, of which some frequencies were recorded.

    A pair of channels is the real and the imaginary part of a complex image.
    A channel by itself is a real image: its Hartley transform, real part minus
    imaginary part, holds the same and is real, and a frequency that was
    recorded is known at its negative too.

    Parameters
    ----------
    sampled : (Y, X) bool Tensor
        True at recorded frequencies; zero frequency first, which must be one.
    paired : bool
        Channels are real and imaginary parts in turn.
    maps : (coils, Y, X) complex Tensor, optional
        Sensitivity of each coil: one complex image was seen by all of them.

    References
    ----------
    M. Z. Darestani, R. Heckel, "Accelerated MRI with un-trained neural
    networks", IEEE TCI 2021.

    Examples
    --------
    >>> fourier = Fourier(torch.ones(4, 4, dtype=torch.bool), paired=False)
    >>> fourier(torch.ones(1, 1, 4, 4))[0, 0, 0].tolist()
    [4.0, 0.0, 0.0, 0.0]
    """

    def __init__(self, sampled: Tensor, *, paired: bool, maps: Tensor | None = None) -> None:
        self._paired = paired
        self._maps = maps
        self.sampled = sampled if paired else sampled | _negated(sampled)

    def __call__(self, estimate: Tensor) -> Tensor:
        return self._transform(self.seen(estimate))

    def estimate_channels(self, observed: int) -> int:
        return observed if self._maps is None else 2

    def seen(self, estimate: Tensor) -> Tensor:
        """Return what each coil sees of the image; without maps, itself."""
        if self._maps is None:
            return estimate
        return _as_pairs(_as_complex(estimate) * self._maps.to(estimate.device))

    def combined(self, images: Tensor) -> Tensor:
        """Return the image that explains best, pixel by pixel, what the coils saw."""
        if self._maps is None:
            return images
        maps = self._maps.to(images.device)
        power = (maps.abs() ** 2).sum(dim=0)
        total = (_as_complex(images) * maps.conj()).sum(dim=1, keepdim=True)
        # Where no coil sees anything there is nothing.
        return _as_pairs(torch.where(power > 0, total / power.clamp(min=1e-12), 0))

    def adjoint(self, spectrum: Tensor) -> Tensor:
        """Return the images of spectra, which the transform maps back to them."""
        if not self._paired:
            return self._transform(spectrum)
        return _as_pairs(torch.fft.ifft2(_as_complex(spectrum), norm="ortho"))

    def recorded_part(self, image: Tensor) -> Tensor:
        """Return the zero-filled images (N, C, ..., Y, X): other frequencies are 0."""
        return self.adjoint(self._transform(image) * self.sampled.to(image.device))

    def measured(self, picture: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        spectrum = self._transform(picture)
        return spectrum, self.sampled.to(picture.device).expand_as(spectrum)

    def noise(self, noise: NoiseModel, recorded: Tensor) -> NoiseModel:
        if self._maps is None:
            return noise
        # One for all coils, because one image is behind them.
        variance = noise.variance(torch.zeros(()))
        assert isinstance(variance, Tensor)
        return replace(noise, slope=0.0, intercept=variance.mean(), floor=variance.mean())

    def spared(self, observation: Tensor) -> Tensor | None:
        radii = [torch.fft.fftfreq(n, device=observation.device) for n in observation.shape[-2:]]
        low: Tensor = radii[0][:, None] ** 2 + radii[1] ** 2 <= _LOW_FREQUENCY**2
        return low

    def _transform(self, images: Tensor) -> Tensor:
        if self._paired:
            return _as_pairs(torch.fft.fft2(_as_complex(images), norm="ortho"))
        spectrum = torch.fft.fft2(images, norm="ortho")
        hartley: Tensor = spectrum.real - spectrum.imag
        return hartley


def _as_complex(pairs: Tensor) -> Tensor:
    """Return (N, 2 C, ..., Y, X) of real and imaginary parts as (N, C, ..., Y, X)."""
    return torch.complex(pairs[:, 0::2].contiguous(), pairs[:, 1::2].contiguous())


def _as_pairs(values: Tensor) -> Tensor:
    """Return (N, C, ..., Y, X) of complex numbers as (N, 2 C, ..., Y, X)."""
    return torch.stack([values.real, values.imag], dim=2).flatten(1, 2)


def _negated(sampled: Tensor) -> Tensor:
    """Return the mask of the negative frequencies."""
    return sampled.flip((-2, -1)).roll((1, 1), (-2, -1))
