"""Random fields: smooth noise, gratings and scattered points, the building blocks of scenes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

# An image ([C,] Y, X).
Plane = NDArray[np.floating]


def log_uniform(random: np.random.Generator, low: float, high: float) -> float:
    """Draw a number whose logarithm is uniform."""
    return float(np.exp(random.uniform(np.log(low), np.log(high))))


def power_law(random: np.random.Generator, size: int, slope: float | None = None) -> Plane:
    """Gaussian field whose amplitude falls with a power of the frequency, mean 0, deviation 1.

    A slope of about 1 resembles natural images; larger ones are smoother. Some fields are
    stretched in a direction, like fibres, wood or brushed metal.
    """
    exponent = random.uniform(0.5, 2.6) if slope is None else slope
    y, x = np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None]
    if random.random() < 0.35:
        angle, stretch = random.uniform(0, np.pi), log_uniform(random, 1.3, 6)
        across, along = y * np.cos(angle) + x * np.sin(angle), x * np.cos(angle) - y * np.sin(angle)
        frequency = np.hypot(across * stretch, along)
    else:
        frequency = np.hypot(y, x)
    frequency[0, 0] = 1
    spectrum = np.fft.rfft2(random.standard_normal((size, size))) * frequency**-exponent
    spectrum[0, 0] = 0
    field = np.fft.irfft2(spectrum, (size, size))
    scaled: Plane = (field / (field.std() + 1e-9)).astype(np.float32)
    return scaled


def grating(random: np.random.Generator, size: int) -> Plane:
    """Stripes or a lattice, straight or bent, with soft or sharp edges, -1 to 1."""
    y, x = np.mgrid[:size, :size].astype(np.float32)
    angle, period = random.uniform(0, np.pi), log_uniform(random, 2.5, 40)
    along = y * np.sin(angle) + x * np.cos(angle)
    across = x * np.sin(angle) - y * np.cos(angle)
    bend = random.uniform(0, 3) * power_law(random, size, 2.2) if random.random() < 0.5 else 0
    waves = np.sin(2 * np.pi * along / period + random.uniform(0, 2 * np.pi) + bend)
    if random.random() < 0.35:
        waves = waves * np.sin(2 * np.pi * across / (period * random.uniform(0.5, 2)) + bend)
    sharpness = random.choice([0.0, 3.0, 8.0])
    stripes: Plane = np.tanh(waves * sharpness) if sharpness else waves
    return stripes.astype(np.float32)


def points(random: np.random.Generator, size: int, count: int) -> Plane:
    """Points of random brightness at random pixels, some of them in clusters."""
    plane = np.zeros(size * size, np.float32)
    brightness = np.exp(random.normal(0, random.uniform(0.1, 1.2), count))
    np.add.at(plane, random.integers(0, size * size, count), brightness)
    if random.random() < 0.4:
        plane *= power_law(random, size, 1.8).ravel() > random.uniform(-0.5, 1)
    return plane.reshape(size, size)


def texture(random: np.random.Generator, size: int) -> Plane:
    """Fine structure of about deviation 0.3: noise of a spectrum, stripes, or grains."""
    kind = random.random()
    if kind < 0.55:
        field = power_law(random, size)
    elif kind < 0.8:
        field = grating(random, size)
    else:
        grains = points(random, size, int(size * size * log_uniform(random, 0.003, 0.15)))
        field = ndimage.gaussian_filter(grains, random.uniform(0.5, 2))
        field = (field - field.mean()) / (field.std() + 1e-9)
    return (0.3 * np.clip(field, -4, 4)).astype(np.float32)
