"""K-space completed with the learned denoiser."""

from __future__ import annotations

import pytest
import torch

from napari_dip.core.latents.kspace_completion import KSpaceCompletion
from napari_dip.core.operators.kspace import KSpace, least_variation
from tests.core.operators.test_kspace import scattered


@pytest.fixture(scope="module")
def complete():
    return KSpaceCompletion(torch.device("cpu"))


def rings(shape=(48, 40)):
    """Return smooth rings around a corner, (1, 1, Y, X)."""
    rows, columns = (torch.arange(n, dtype=torch.float32) for n in shape)
    radius = torch.hypot(rows[:, None] - 20, columns - 15)
    return (0.5 + 0.4 * torch.cos(radius**2 / 60) * torch.exp(-radius / 20))[None, None]


def recorded(fourier, truth):
    known = fourier.sampled.float().expand_as(truth)
    spectrum = fourier(truth) * known
    return spectrum, known, least_variation(fourier, spectrum, known)


def rms(estimate, truth):
    return float((estimate - truth).square().mean().sqrt())


def test_keeps_the_recorded_frequencies_and_beats_total_variation(complete):
    fourier, truth = KSpace(scattered(), paired=False), rings()
    spectrum, known, plain = recorded(fourier, truth)
    estimate = complete(fourier, spectrum, known, plain)
    torch.testing.assert_close(fourier(estimate) * known, spectrum, atol=1e-4, rtol=0)
    assert rms(estimate, truth) < 0.8 * rms(plain, truth)


@pytest.mark.parametrize("shape", [(48, 40), (37, 29)])
def test_real_and_imaginary_part_of_planes_of_any_size(complete, shape):
    fourier, picture = KSpace(scattered(shape), paired=True), rings(shape)
    phase = torch.linspace(0, 2, shape[1])
    truth = torch.cat([picture * torch.cos(phase), picture * torch.sin(phase)], dim=1)
    spectrum, known, plain = recorded(fourier, truth)
    estimate = complete(fourier, spectrum, known, plain)
    assert rms(estimate, truth) < rms(plain, truth)


def test_planes_of_a_volume_are_independent(complete):
    fourier = KSpace(scattered(), paired=False)
    volume = torch.stack([rings(), rings().flip(-1)], dim=2)  # (1, 1, Z, Y, X)
    spectrum, known, plain = recorded(fourier, volume)
    estimate = complete(fourier, spectrum, known, plain)
    assert estimate.shape == volume.shape
    assert rms(estimate, volume) < rms(plain, volume)


def test_noise_is_not_reproduced(complete):
    fourier, truth = KSpace(scattered(), paired=False, noisy=True), rings()
    noise = 0.05 * torch.randn(truth.shape, generator=torch.Generator().manual_seed(0))
    known = fourier.sampled.float().expand_as(truth)
    spectrum = (fourier(truth) + noise) * known
    plain = least_variation(fourier, spectrum, known, 0.05)
    exact, damped = (complete(fourier, spectrum, known, plain, level) for level in (0.0, 0.05))
    assert rms(damped, truth) < rms(exact, truth)


def test_stops_at_once_on_request(complete):
    fourier, truth = KSpace(scattered(), paired=False), rings()
    spectrum, known, plain = recorded(fourier, truth)
    assert complete(fourier, spectrum, known, plain, ended=lambda: True) is plain
