"""Noise of training pairs: photons, read noise, both, and the rounding of 8-bit files."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from scipy import ndimage

from napari_dip.core.noise.stabilise import anscombe
from training.fields import Plane, log_uniform

# Ranges of the standard deviation of the noise over that of the clean image, and how often each
# is drawn: most noise that is met, nearly clean images, and images that are hardly visible.
_LEVELS = {(0.1, 2.5): 0.74, (0.02, 0.1): 0.18, (2.5, 20.0): 0.08}
# An almost flat image counts as one with this standard deviation.
_FLATTEST = 0.02
# Share of the images whose noise is slightly correlated along lines, as scanners record it, and
# the largest correlation of neighbours along a line and of adjacent lines.
_CORRELATED, _ALONG, _ACROSS = 0.3, 0.2, 0.08
# Coarse noise: noise that a camera, an enlargement or a compression has spread over neighbouring
# pixels. Its level is harder to measure.
_ERROR_OF_COARSE = (0.8, 1.25)
# Standard deviations of the Gaussians that spread it [pixels], and the share of the images where
# white noise is on top.
_GRAIN, _WITH_WHITE = (0.4, 2.0), 0.3
# Share of the images with photons whose brightness fluctuates, too, as by unsteady light or
# motion, and the largest standard deviation of strong fluctuations relative to the brightness.
# The variance of weak ones is at most that of the photons.
_UNSTEADY, _STRONG = 0.35, 0.25
# Measured noise levels differ from the true ones by about such a factor.
_ERROR_OF_LEVEL = (0.87, 1.15)
# Grey values of an 8-bit file per unit of intensity.
_GREY_VALUES = 200


Fluctuations = Literal["none", "weak", "strong"]


class NoiseMix(NamedTuple):
    """Noise that a part of a training shows.

    Attributes
    ----------
    fluctuations : {"none", "weak", "strong"}
        Fluctuations of the brightness of some images, which the measured level does not include.
        Default "weak".
    coarse : float
        Share of the images with coarse noise, 0 to 1. Default 0.
    """

    fluctuations: Fluctuations = "weak"
    coarse: float = 0.0


FINE_NOISE = NoiseMix()


class StabilisedPair(NamedTuple):
    """Noisy and clean image on a scale on which the noise has a standard deviation of about 1.

    Attributes
    ----------
    noisy, clean : ([C,] Y, X) float32
        Images, in units of the noise.
    """

    noisy: Plane
    clean: Plane


def with_contrast(random: np.random.Generator, scene: Plane) -> Plane:
    """Return a scene with another contrast, brightness and background, sometimes inverted."""
    if random.random() < 0.15:
        scene = scene.max(axis=(-2, -1), keepdims=True) - scene
    if random.random() < 0.3:
        scene = np.maximum(scene, 0) ** np.exp(random.normal(0, 0.3))
    background = random.uniform(0, 0.4) if random.random() < 0.5 else random.uniform(0, 0.03)
    return (scene * random.uniform(0.3, 1) + background).astype(np.float32)


def with_noise(
    random: np.random.Generator, clean: Plane, mix: NoiseMix = FINE_NOISE
) -> StabilisedPair:
    """Draw an observation of a clean image, and stabilise it by a noise level that is measured.

    Parameters
    ----------
    random : numpy.random.Generator
        Source of all random numbers.
    clean : ([C,] Y, X) float32
        Clean image, 0 to about 1.5.
    mix : NoiseMix
        Noise that is drawn from. Default: no coarse noise.
    """
    sigma = max(float(clean.std()), _FLATTEST) * _draw_level(random)
    photons = random.choice([0.0, 1.0, random.random()], p=[0.4, 0.3, 0.3])
    gain = photons * sigma**2 / (float(clean.mean()) + 1e-4)
    variance = (1 - photons) * sigma**2
    noisy = clean
    if gain:
        noisy = (random.poisson(np.maximum(clean, 0) / gain) * gain).astype(np.float32)
    if variance:
        deviation = np.float32(variance**0.5)
        noisy = noisy + deviation * random.standard_normal(clean.shape, np.float32)
    if mix.fluctuations != "none" and gain and random.random() < _UNSTEADY:
        waves = _correlated(random, random.standard_normal(clean.shape, np.float32))
        brightest = max(float(clean.max()), _FLATTEST)
        most = _STRONG if mix.fluctuations == "strong" else (gain / brightest) ** 0.5
        noisy = noisy + np.float32(random.uniform(0, most)) * clean * waves
    coarse = mix.coarse > 0 and random.random() < mix.coarse
    if coarse:
        noisy = clean + _coarse(random, noisy - clean)
    elif random.random() < _CORRELATED:
        noisy = clean + _correlated(random, noisy - clean)
    if random.random() < 0.2:  # 8 bit, black cut off
        offset = random.uniform(0, 0.1) * (random.random() < 0.7)
        grey_values = np.clip(np.rint((noisy + offset) * _GREY_VALUES), 0, 255)
        noisy = grey_values.astype(np.float32) / _GREY_VALUES - offset
        variance += 1 / _GREY_VALUES**2 / 12
    error = log_uniform(random, *(_ERROR_OF_COARSE if coarse else _ERROR_OF_LEVEL))
    gain, variance = gain * error, variance * (error if gain else error**2)
    return StabilisedPair(stabilise(noisy, gain, variance), stabilise(clean, gain, variance))


def _correlated(random: np.random.Generator, noise: Plane) -> Plane:
    """Return noise of the same variance whose neighbours are correlated."""
    along = int(random.integers(1, 3))
    for axis, most in ((-along, _ALONG), (along - 3, _ACROSS)):
        correlation = random.uniform(1e-3, most)
        # Weight of both neighbours that leads to this correlation.
        weight = (1 - (1 - 2 * correlation**2) ** 0.5) / (2 * correlation)
        kernel = np.array([weight, 1, weight]) / (1 + 2 * weight**2) ** 0.5
        noise = ndimage.convolve1d(noise, kernel, axis=axis, mode="wrap")
    return noise.astype(np.float32)


def _coarse(random: np.random.Generator, noise: Plane) -> Plane:
    """Return noise of the same variance, spread over neighbouring pixels."""
    grain = log_uniform(random, *_GRAIN)
    stretch = log_uniform(random, 0.5, 2) if random.random() < 0.25 else 1.0
    blur = (*(0,) * (noise.ndim - 2), grain * stretch, grain / stretch)
    spread = _of_variance_of(noise, ndimage.gaussian_filter(noise, blur, mode="wrap"))
    if random.random() < _WITH_WHITE:
        share = random.uniform(0.05, 0.8)
        white = noise.std() * random.standard_normal(noise.shape, np.float32)
        spread = (1 - share) ** 0.5 * spread + share**0.5 * white
    return spread.astype(np.float32)


def _of_variance_of(noise: Plane, filtered: Plane) -> Plane:
    scaled: Plane = filtered * (noise.std() / max(float(filtered.std()), 1e-9))
    return scaled


def stabilise(values: Plane, gain: float, variance: float) -> Plane:
    """Return values whose noise has a standard deviation of about 1 at every brightness.

    Parameters
    ----------
    values : ([C,] Y, X) float32
        Image with noise of variance `gain` x value + `variance`.
    gain : float
        Intensity of one photon; 0 for Gaussian noise.
    variance : float
        Variance of the read noise.
    """
    stable: Plane = anscombe(values, gain, variance) if gain else values / variance**0.5
    return stable.astype(np.float32)


def _draw_level(random: np.random.Generator) -> float:
    ranges = list(_LEVELS)
    return log_uniform(random, *ranges[random.choice(len(ranges), p=list(_LEVELS.values()))])
