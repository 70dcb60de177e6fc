"""K-space: the Fourier operator, and the image of least total variation for its data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from napari_dip.core.noise.normal import MAD
from napari_dip.core.operators.base import Operator

if TYPE_CHECKING:
    from napari_dip.core.noise.model import NoiseModel

# Frequencies that hold nearly all of an image's energy [cycles per pixel].
_LOW_FREQUENCY = 0.04
# Standard deviation of the Gaussian that measures the sampling density [share of the smaller side].
_NEIGHBOURHOOD = 1 / 40
# Smallest sampling density, so that an isolated frequency does not outweigh all others.
_LEAST_DENSITY = 0.02
# Iterations of the solver; further changes are too small for the network.
_SOLVER_ITERATIONS = 100
# Step of the solver for the image [network units]; the step for its slopes follows from it.
_SOLVER_STEP = 0.02
# Noise is measured in the outermost eighth of the recorded frequencies, or at least in this many.
_OUTERMOST, _FEWEST = 8, 64
# Smallest noise that counts, relative to the intensity range. 45 images without noise, with four
# masks each, had up to 0.085 there; all values above 0.042 were lower than the eighth before
# them by a factor of 1.44 or more.
_CLEAR = 0.045
# Noise has the same level at all frequencies; image content decreases outwards by more than this.
_LEVEL = 1.3
# Weight of the total variation, in standard deviations of the noise.
_VARIATION_OF_NOISE = 0.5


class KSpace(Operator):
    """Unitary Fourier transform of each plane, of which some frequencies are recorded.

    Two paired channels are the real and the imaginary part of a complex image. An unpaired
    channel is a real image; it is mapped to its Hartley transform, real part minus imaginary
    part, which is real and holds the same information. A recorded frequency of a real image is
    known at its negative, too.

    Parameters
    ----------
    sampled : (Y, X) bool Tensor
        True at recorded frequencies; the zero frequency is first and must be recorded.
    paired : bool
        Whether the channels are real and imaginary parts in turn.
    maps : (coils, Y, X) complex Tensor, optional
        Sensitivity of each coil; all coils record the same complex image.
    noisy : bool
        Whether the noise of the recorded frequencies is known and must not be reproduced.
        Default False.

    References
    ----------
    M. Z. Darestani, R. Heckel, "Accelerated MRI with un-trained neural
    networks", IEEE TCI 2021.

    Examples
    --------
    >>> fourier = KSpace(torch.ones(4, 4, dtype=torch.bool), paired=False)
    >>> fourier(torch.ones(1, 1, 4, 4))[0, 0, 0].tolist()
    [4.0, 0.0, 0.0, 0.0]
    """

    def __init__(
        self,
        sampled: Tensor,
        *,
        paired: bool,
        maps: Tensor | None = None,
        noisy: bool = False,
    ) -> None:
        self._paired = paired
        self._noisy = noisy
        self._maps = maps
        self.sampled = sampled if paired else sampled | _negated(sampled)

    def __call__(self, estimate: Tensor) -> Tensor:
        return self._transform(self.coil_images(estimate))

    def estimate_channels(self, observed: int) -> int:
        return observed if self._maps is None else 2

    def coil_images(self, estimate: Tensor) -> Tensor:
        """Return the image of each coil; without maps, the image itself."""
        if self._maps is None:
            return estimate
        return _as_pairs(_as_complex(estimate) * self._maps.to(estimate.device))

    def combined(self, images: Tensor) -> Tensor:
        """Return the least-squares image of the coil images, pixel by pixel."""
        if self._maps is None:
            return images
        maps = self._maps.to(images.device)
        power = (maps.abs() ** 2).sum(dim=0)
        total = (_as_complex(images) * maps.conj()).sum(dim=1, keepdim=True)
        # The image is 0 where no coil is sensitive.
        return _as_pairs(torch.where(power > 0, total / power.clamp(min=1e-12), 0))

    def adjoint(self, spectrum: Tensor) -> Tensor:
        """Return the images of spectra (N, C, ..., Y, X): the inverse transform."""
        if not self._paired:
            return self._transform(spectrum)
        return _as_pairs(torch.fft.ifft2(_as_complex(spectrum), norm="ortho"))

    def recorded_part(self, image: Tensor) -> Tensor:
        """Return the zero-filled images (N, C, ..., Y, X): other frequencies are 0."""
        return self.adjoint(self._transform(image) * self.sampled.to(image.device))

    def zero_filled(self, spectrum: Tensor, known: Tensor) -> Tensor:
        """Return the image of the known frequencies of a spectrum; other frequencies are 0."""
        return self.combined(self.adjoint(spectrum * known))

    def noise_level(self, noise: NoiseModel) -> float:
        """Return the standard deviation of known noise; 0 if the noise is not known."""
        variance = noise.weighting_variance(torch.zeros(()))
        return float(variance.mean().sqrt()) if self._noisy else 0.0

    def measured(self, picture: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        spectrum = self._transform(picture)
        return spectrum, self.sampled.to(picture.device).expand_as(spectrum)

    def noise(self, noise: NoiseModel, recorded: Tensor) -> NoiseModel:
        if self._maps is None:
            return noise
        # All coils have the same noise level, because they record the same image.
        variance = noise.weighting_variance(torch.zeros(()))
        assert isinstance(variance, Tensor)
        mean = variance.mean()
        return replace(noise, slope=0.0, intercept=mean, floor=mean, equal=None)

    def holdout_scores(self, valid: Tensor, random: torch.Generator) -> Tensor:
        """Return scores that hold out frequencies like those that were not recorded.

        Frequencies are rarely held out where the sampling is dense. Complete lines are held out
        if complete lines were recorded. A frequency and its negative have the same score in a
        real image, where their values are equal. The lowest frequencies are never held out.
        """
        shape = self.sampled.shape
        draws = torch.rand((2, *shape), generator=random, device=random.device)
        for axis in (-2, -1):
            if bool((self.sampled == self.sampled.narrow(axis, 0, 1)).all()):
                draws = draws.narrow(axis, 0, 1).expand(2, *shape)  # complete lines were recorded
        if not self._paired:
            draws = torch.minimum(draws, _negated(draws))
        missing = 1 - self._density(random.device)
        eligible = ~_low(shape, random.device) & self.sampled.to(random.device)
        eligible &= draws[1] < missing / missing.max().clamp(min=1e-6)
        # Ranks keep equal scores equal and make the scores uniform in 0..1.
        _, ranks, counts = torch.unique(draws[0][eligible], return_inverse=True, return_counts=True)
        holdout_scores = torch.ones(shape, device=random.device)
        holdout_scores[eligible] = (ranks + 0.5) / max(len(counts), 1)
        return holdout_scores.expand(1, 1, *valid.shape[2:])

    def holdout_weights(self, valid: Tensor) -> Tensor:
        """Return weights by which held-out frequencies represent unrecorded ones around them."""
        density = self._density(valid.device)
        weights = 1 / density.clamp(min=_LEAST_DENSITY)
        return valid * weights

    def _density(self, device: torch.device) -> Tensor:
        """Return the share of recorded frequencies around each frequency, (Y, X)."""
        sampled = self.sampled.to(device)
        shape = (sampled.shape[-2], sampled.shape[-1])
        radius = _NEIGHBOURHOOD * min(shape)
        distances = [torch.fft.fftfreq(n, 1 / n, device=device) / radius for n in shape]
        kernel = torch.exp(-0.5 * (distances[0][:, None] ** 2 + distances[1] ** 2))
        spectrum = torch.fft.rfft2(sampled.float()) * torch.fft.rfft2(kernel / kernel.sum())
        density: Tensor = torch.fft.irfft2(spectrum, s=shape)
        return density.clamp(0, 1)

    def _transform(self, images: Tensor) -> Tensor:
        if self._paired:
            return _as_pairs(torch.fft.fft2(_as_complex(images), norm="ortho"))
        spectrum = torch.fft.fft2(images, norm="ortho")
        hartley: Tensor = spectrum.real - spectrum.imag
        return hartley


def least_variation(
    fourier: KSpace,
    spectrum: Tensor,
    known: Tensor,
    noise: float = 0.0,
    ended: Callable[[], bool] = lambda: False,
) -> Tensor:
    """Return the image of least total variation that matches the known frequencies up to noise.

    Parameters
    ----------
    fourier : KSpace
        Fourier operator; with maps, the data of the coils may differ slightly.
    spectrum : (1, C, [Z,] Y, X) Tensor
        Recorded frequencies of an image with an intensity range of about 1.
    known : (1, C, [Z,] Y, X) Tensor
        Mask: 1 at frequencies that must match, 0 elsewhere.
    noise : float
        Standard deviation of the noise of the recorded frequencies, in units of the image.
        Default 0.0.
    ended : callable
        Function that returns True to stop early; the present image is then returned. The
        first one is the zero-filled image.

    Returns
    -------
    (1, C, [Z,] Y, X) Tensor
        Image whose channels share their edges.

    References
    ----------
    A. Chambolle, T. Pock, "A first-order primal-dual algorithm for convex
    problems with applications to imaging", JMIV 40 (2011), algorithm 1.
    """
    image = fourier.zero_filled(spectrum, known)
    ahead, slopes = image, torch.zeros((2, *image.shape), device=image.device)
    data_weight = _SOLVER_STEP / (_SOLVER_STEP + _VARIATION_OF_NOISE * noise)
    for _ in range(_SOLVER_ITERATIONS):
        if ended():
            break
        rise = torch.stack([ahead.roll(-1, axis) - ahead for axis in (-2, -1)])
        slopes = slopes + rise / (8 * _SOLVER_STEP)
        slopes = slopes / torch.linalg.vector_norm(slopes, dim=(0, 2), keepdim=True).clamp(min=1)
        bend = sum(slopes[i] - slopes[i].roll(1, axis) for i, axis in enumerate((-2, -1)))
        smoother = image + _SOLVER_STEP * bend
        smoother = smoother + data_weight * fourier.zero_filled(spectrum - fourier(smoother), known)
        ahead, image = 2 * smoother - image, smoother
    return image


def noise_floor(spectrum: Tensor, recorded: Tensor, brightness: float) -> float | None:
    """Return the standard deviation of the noise of the recorded frequencies.

    Parameters
    ----------
    spectrum : (N, C, ..., Y, X) Tensor
        Unitary spectrum, zero frequency first.
    recorded : (N, C, ..., Y, X) bool Tensor
        Mask of the recorded frequencies, the same for each plane.
    brightness : float
        Intensity range of the image, in units of the spectrum.

    Returns
    -------
    float or None
        None where the outermost frequencies may hold the image instead of noise.

    Examples
    --------
    >>> noise = torch.randn(1, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    >>> recorded = torch.ones_like(noise, dtype=torch.bool)
    >>> round(noise_floor(noise, recorded, 10.0), 1), noise_floor(noise, recorded, 100.0)
    (1.0, None)
    """
    rows, columns = (torch.fft.fftfreq(n) for n in spectrum.shape[-2:])
    sampled = recorded.reshape(-1, *recorded.shape[-2:])[0]
    outwards = torch.argsort((rows[:, None] ** 2 + columns**2)[sampled], stable=True)
    count = max(len(outwards) // _OUTERMOST, _FEWEST)
    if len(outwards) < 2 * count:
        return None
    strengths = spectrum[..., sampled][..., outwards].abs()
    before, outermost = (
        float(strengths[..., part].median()) / MAD
        for part in (slice(-2 * count, -count), slice(-count, None))
    )
    clear = outermost > _CLEAR * brightness and before < _LEVEL * outermost
    return outermost if clear else None


def _as_complex(pairs: Tensor) -> Tensor:
    """Convert real and imaginary parts (N, 2 C, ..., Y, X) to complex (N, C, ..., Y, X)."""
    return torch.complex(pairs[:, 0::2].contiguous(), pairs[:, 1::2].contiguous())


def _as_pairs(values: Tensor) -> Tensor:
    """Convert complex (N, C, ..., Y, X) to real and imaginary parts (N, 2 C, ..., Y, X)."""
    return torch.stack([values.real, values.imag], dim=2).flatten(1, 2)


def _negated(sampled: Tensor) -> Tensor:
    """Return the mask of the negative frequencies."""
    return sampled.flip((-2, -1)).roll((1, 1), (-2, -1))


def _low(shape: torch.Size, device: torch.device) -> Tensor:
    """Return the mask (Y, X) of the frequencies that hold nearly all energy of an image."""
    radii = [torch.fft.fftfreq(n, device=device) for n in shape]
    low: Tensor = radii[0][:, None] ** 2 + radii[1] ** 2 <= _LOW_FREQUENCY**2
    return low
