from __future__ import annotations

import itertools

import pytest
import torch

from napari_dip.core.latents.augment import FLIPS
from napari_dip.core.latents.denoiser import LearnedDenoiser, falling_level

CPU = torch.device("cpu")


def waves(shape):
    """Return smooth waves, another one in each plane, (1, C, [Z,] Y, X)."""
    rows, columns = (torch.arange(n, dtype=torch.float32) for n in shape[-2:])
    plane = torch.sin(rows[:, None] / 6) + torch.cos(columns / 8)
    offsets = torch.arange(torch.Size(shape[:-2]).numel(), dtype=torch.float32)
    return 10 + (plane * (1 + offsets[:, None, None])).reshape(shape)


def noisy(clean, level):
    return clean + level * torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))


def rms(values):
    return float(values.square().mean().sqrt())


@pytest.mark.parametrize(
    "shape", [(1, 1, 64, 64), (1, 1, 37, 29), (1, 2, 48, 48), (1, 3, 48, 40), (1, 1, 3, 32, 48)]
)
def test_removes_noise_of_images_of_any_shape(shape):
    clean = waves(shape)
    denoise = LearnedDenoiser(shape[1], volumes=len(shape) == 5, device=CPU)
    estimate = denoise(noisy(clean, 0.5), 0.5)
    assert estimate.shape == clean.shape
    assert rms(estimate - clean) < 0.2


@pytest.mark.parametrize("flips", FLIPS)
def test_flipped_view_gives_an_image_that_is_not_flipped(flips):
    clean = waves((1, 1, 48, 48))
    denoise = LearnedDenoiser(1, volumes=False, device=CPU)
    assert rms(denoise(noisy(clean, 0.3), 0.3, flips) - clean) < 0.15


def test_mean_over_the_views_is_closer_to_the_truth_than_most_views():
    clean = waves((1, 1, 48, 48))
    image = noisy(clean, 0.3)
    denoise = LearnedDenoiser(1, volumes=False, device=CPU)
    errors = sorted(rms(denoise(image, 0.3, flips) - clean) for flips in FLIPS)
    assert rms(denoise.averaged(image, 0.3) - clean) < errors[1]


def test_removes_more_at_a_higher_level():
    image = noisy(waves((1, 1, 64, 64)), 0.3)
    denoise = LearnedDenoiser(1, volumes=False, device=CPU)
    removed = [rms(denoise(image, level) - image) for level in (0.03, 0.3)]
    assert removed[0] < 0.5 * removed[1]


def test_constant_image_stays_as_it_is():
    image = torch.full((1, 1, 32, 32), 7.0)
    denoise = LearnedDenoiser(1, volumes=False, device=CPU)
    torch.testing.assert_close(denoise(image, 0.1), image, atol=0.05, rtol=0)


def test_colours_have_weights_of_their_own():
    grey, colour = (LearnedDenoiser(n, volumes=False, device=CPU) for n in (1, 3))
    assert grey.sha256 != colour.sha256
    assert LearnedDenoiser(3, volumes=True, device=CPU).sha256 == grey.sha256


def test_level_falls_by_the_same_factor_from_first_to_last():
    levels = [falling_level(2.0, 0.3, 0.02, step, 24) for step in range(24)]
    assert levels[0] == pytest.approx(0.6)
    assert levels[-1] == pytest.approx(0.04)
    factors = [later / earlier for earlier, later in itertools.pairwise(levels)]
    assert factors == pytest.approx([(0.02 / 0.3) ** (1 / 23)] * 23)


def test_single_step_has_the_first_level():
    assert falling_level(2.0, 0.3, 0.02, 0, 1) == pytest.approx(0.6)
