"""Noise of training pairs: photons, read noise, both, and the rounding of 8-bit files."""

from __future__ import annotations

import numpy as np

from training.fields import Plane, log_uniform

# Standard deviation of the noise, over that of the clean image.
_LEVELS = (0.06, 2.5)


def with_contrast(random: np.random.Generator, scene: Plane) -> Plane:
    """Return a scene with another contrast, brightness and background, sometimes inverted."""
    if random.random() < 0.15:
        scene = scene.max() - scene
    if random.random() < 0.3:
        scene = np.maximum(scene, 0) ** np.exp(random.normal(0, 0.3))
    background = random.uniform(0, 0.4) if random.random() < 0.5 else random.uniform(0, 0.03)
    return (scene * random.uniform(0.3, 1) + background).astype(np.float32)


def with_noise(random: np.random.Generator, clean: Plane) -> Plane:
    """Return an observation of a clean image: Poisson, Gaussian or both."""
    sigma = max(float(clean.std()), 0.015) * log_uniform(random, *_LEVELS)
    photons = random.choice([0.0, 1.0, random.random()], p=[0.35, 0.35, 0.3])
    gain = photons * sigma**2 / (float(clean.mean()) + 1e-4)
    read_noise = np.sqrt((1 - photons) * sigma**2)
    noisy = clean.astype(np.float32)
    if gain:
        noisy = (random.poisson(np.maximum(clean, 0) / gain) * gain).astype(np.float32)
    if read_noise:
        noisy = noisy + np.float32(read_noise) * random.standard_normal(clean.shape, np.float32)
    if random.random() < 0.3:  # 8 bit, black cut off
        offset = random.uniform(0, 0.1) * (random.random() < 0.7)
        noisy = np.clip(np.rint((noisy + offset) * 200), 0, 255) / 200 - offset
    return noisy.astype(np.float32)
