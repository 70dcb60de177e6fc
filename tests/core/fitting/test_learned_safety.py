"""What a learned start must not invent or lose: noise becomes flat, small structures stay.

The same images are restored from a random start, with fewer iterations than by default, as
the measure: a structure that the random start loses too is below the noise.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
import pytest

from napari_dip.config import DipConfig
from napari_dip.core.restoration.restore import restore
from tests.core.fitting.cards import CELL, STRUCTURES, Plane, card, cell, contrast
from tests.core.fitting.test_fit import rmse

SIGMA, BACKGROUND = 10.0, 100.0
STAGES = ("first estimate", "after the fit")
SIZES = (64, 128)
CONTRASTS = (2, 4, 8)
RANDOM_ITERATIONS = 100


class Outcome(NamedTuple):
    """Estimates of one card, and the card itself, 0 to 1."""

    truth: Plane
    learned: dict[str, Plane]
    random: Plane


def denoised(noisy, iterations, start):
    """Return the first estimate that is shown, and the result."""
    config = DipConfig(
        start=start, max_iterations=iterations, device="cpu", precision="float32", seed=1
    )
    run, first = restore(noisy, config=config), None
    while True:
        try:
            progress = next(run)
        except StopIteration as end:
            return first, end.value.image.data
        first = progress.estimate if first is None else first


def learned_estimates(noisy):
    return dict(zip(STAGES, denoised(noisy, 40, "learned"), strict=True))


NOISES = {
    "Gaussian": lambda random, shape: random.normal(BACKGROUND, SIGMA, shape),
    "photons": lambda random, shape: 5.0 * random.poisson(20, shape),
    "few photons": lambda random, shape: 10.0 * random.poisson(2, shape),
    "photons and read noise": lambda random, shape: (
        4.0 * random.poisson(5, shape) + random.normal(100, 8, shape)
    ),
    "8 bit, black cut off": lambda random, shape: (
        random.normal(5, SIGMA, shape).clip(0, 255).round().astype(np.uint8)
    ),
    "8 bit, white cut off": lambda random, shape: (
        random.normal(250, SIGMA, shape).clip(0, 255).round().astype(np.uint8)
    ),
}


@cache
def noise_estimates(kind, size):
    noisy = NOISES[kind](np.random.default_rng(size), (size, size))
    return np.asarray(noisy, float), learned_estimates(noisy)


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", NOISES)
def test_pure_noise_becomes_flat(kind, size, stage):
    noisy, estimates = noise_estimates(kind, size)
    estimate, sigma = estimates[stage].astype(float), noisy.std()
    assert estimate.std() < 0.2 * sigma
    assert np.abs(estimate - np.median(estimate)).max() < 1.25 * sigma  # no spot
    # Noise that is cut off or has few photons is not symmetric: its mean stays.
    assert estimate.mean() == pytest.approx(noisy.mean(), abs=0.1 * sigma)


# The small cards hold a few structures each.
CARDS = {
    (128, 0): [*STRUCTURES],
    (64, 0): ["grating of 2 pixels", "single pixels", "text"],
    (64, 1): ["line pairs", "puncta", "checkerboard"],
}


@cache
def outcome_of(key, level):
    size, _ = key
    truth = card(CARDS[key], size)
    noise = np.random.default_rng(level).normal(0, SIGMA, truth.shape)
    noisy = BACKGROUND + level * SIGMA * truth + noise
    random = denoised(noisy, RANDOM_ITERATIONS, "random")[1]
    return Outcome(truth, learned_estimates(noisy), random)


def contrasts(key, index, level, stage):
    """Return the contrast of a structure after a learned and after a random start."""
    outcome, window = outcome_of(key, level), cell(index, key[0] // CELL)
    structure = level * SIGMA * outcome.truth[window]
    estimates = outcome.learned[stage], outcome.random
    return [contrast(estimate[window], structure) for estimate in estimates]


of_each_structure = pytest.mark.parametrize(
    ("key", "index"),
    [
        pytest.param(key, index, id=f"{name} in {key[0]}")
        for key, names in CARDS.items()
        for index, name in enumerate(names)
    ],
)


@of_each_structure
def test_fit_loses_no_more_contrast_than_from_a_random_start(key, index):
    # The mean over contrasts, because one image with one noise decides little.
    kept = [contrasts(key, index, level, "after the fit") for level in CONTRASTS]
    after_learned, after_random = np.mean(kept, axis=0)
    assert after_learned > after_random - 0.04


@of_each_structure
@pytest.mark.parametrize("stage", STAGES)
def test_strong_structure_stays(key, index, stage):
    least = {"first estimate": 0.7, "after the fit": 0.85}[stage]
    if CARDS[key][index] == "single pixels":  # nothing beside them confirms them
        least = 0.45
    assert contrasts(key, index, max(CONTRASTS), stage)[0] > least


@of_each_structure
@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("level", CONTRASTS)
def test_no_structure_gains_contrast(key, index, level, stage):
    assert 0 < contrasts(key, index, level, stage)[0] < 1.08


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("level", CONTRASTS)
@pytest.mark.parametrize("key", CARDS, ids=str)
def test_error_is_close_to_that_of_a_random_start_or_lower(key, level, stage):
    outcome = outcome_of(key, level)
    truth = BACKGROUND + level * SIGMA * outcome.truth
    # The first estimate comes after no iteration, the random start has 100 of them.
    most = {"first estimate": 1.45, "after the fit": 1.22}[stage]
    assert rmse(outcome.learned[stage], truth) < most * rmse(outcome.random, truth)


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("level", CONTRASTS)
@pytest.mark.parametrize("key", CARDS, ids=str)
def test_empty_part_of_an_image_with_structures_stays_flat(key, level, stage):
    outcome, (size, _) = outcome_of(key, level), key
    columns = size // CELL
    inside = (slice(4, -4), slice(4, -4))
    for index in range(len(CARDS[key]), columns**2):
        empty, after_random = (
            estimate[cell(index, columns)][inside] - BACKGROUND
            for estimate in (outcome.learned[stage], outcome.random)
        )
        # Where strong fine structure fills the image, the guard gives a third back.
        kept = 0.25 if level < max(CONTRASTS) else 0.45
        assert empty.std() < max(kept * SIGMA, after_random.std())
        assert np.abs(empty).max() < max(4 * kept * SIGMA, np.abs(after_random).max())
