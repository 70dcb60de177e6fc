"""K-space: hold-out of frequencies, and the image of least total variation."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_dip.core.noise.model import NoiseModel
from napari_dip.core.operators.kspace import KSpace, least_variation
from napari_dip.core.optim.regularisers import total_variation
from napari_dip.core.problem import make_problem


def scattered(shape=(48, 40)):
    """Return a random mask of frequencies, zero first, dense at low frequencies."""
    radius = np.hypot(*np.meshgrid(*map(np.fft.fftfreq, shape), indexing="ij"))
    chosen = np.random.default_rng(0).random(shape) < 0.2 + 0.8 * np.exp(-((radius / 0.12) ** 2))
    return torch.from_numpy(chosen | (radius < 0.05))


def columns(shape=(48, 40)):
    """Return a mask of every third column and of the lowest ones."""
    at = np.fft.fftfreq(shape[1], 1 / shape[1])
    return torch.from_numpy(np.broadcast_to((at % 3 == 0) | (np.abs(at) < 3), shape).copy())


SAMPLED = torch.rand((6, 8), generator=torch.Generator().manual_seed(0)) < 0.5
MAPS = torch.randn((3, 6, 8), generator=torch.Generator().manual_seed(0), dtype=torch.complex128)
MASKS = {"scattered": scattered, "columns": columns}


def blocks(channels=1, shape=(48, 40)):
    """Return a piecewise constant image, (1, C, Y, X)."""
    picture = torch.zeros(1, channels, *shape)
    picture[..., 10:30, 8:22] = 0.5
    picture[..., 20:40, 16:32] += 0.3
    return picture


def kspace_problem(fourier, picture):
    count = picture.shape[1]
    values = picture[0].numpy()
    return make_problem(
        values, np.ones(values.shape, bool), [NoiseModel(0.0, 1e-4, 1e-8)] * count, (0.0, 1.0),
        torch.device("cpu"), fourier,
    )  # fmt: skip


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("mask", MASKS)
def test_least_variation_keeps_the_recorded_frequencies(mask, channels):
    fourier, truth = KSpace(MASKS[mask](), paired=channels == 2), blocks(channels)
    known = fourier.sampled.float().expand_as(truth)
    spectrum = fourier(truth) * known
    plain, zero_filled = least_variation(fourier, spectrum, known), fourier.adjoint(spectrum)
    torch.testing.assert_close(fourier(plain) * known, spectrum, atol=1e-4, rtol=0)
    assert total_variation(plain) < total_variation(zero_filled)
    errors = [float((image - truth).square().mean().sqrt()) for image in (plain, zero_filled)]
    assert errors[0] < 0.5 * errors[1]


@pytest.mark.parametrize("paired", [False, True])
@pytest.mark.parametrize("mask", MASKS)
def test_held_out_frequencies_resemble_the_unrecorded_ones(mask, paired):
    fourier = KSpace(MASKS[mask](), paired=paired)
    valid = fourier.sampled.float().expand(1, 2, 48, 40)
    holdout_scores = fourier.holdout_scores(valid, torch.Generator().manual_seed(0))[0, 0]
    hidden = holdout_scores < 0.3
    assert hidden.any()
    assert not (hidden & ~fourier.sampled).any()
    assert not hidden[0, 0]
    if not paired:
        torch.testing.assert_close(holdout_scores, holdout_scores.flip((0, 1)).roll((1, 1), (0, 1)))
    if mask == "columns":
        assert (hidden == hidden[:1]).all()
    at = np.hypot(*np.meshgrid(*map(np.fft.fftfreq, (48, 40)), indexing="ij"))
    assert at[hidden].mean() > at[fourier.sampled].mean()


def test_isolated_frequencies_have_larger_weights():
    weights = KSpace(scattered(), paired=False).holdout_weights(torch.ones(1, 1, 48, 40))[0, 0]
    assert weights[24, 20] > 2 * weights[0, 0]


@pytest.mark.parametrize("paired", [False, True])
def test_kspace_is_unitary(paired):
    fourier = KSpace(SAMPLED, paired=paired)
    x = torch.rand((1, 4, 6, 8), dtype=torch.float64)
    torch.testing.assert_close(fourier(x).square().sum(), x.square().sum())
    torch.testing.assert_close(fourier.adjoint(fourier(x)), x)


def test_combined_inverts_the_coil_sensitivities():
    fourier = KSpace(SAMPLED, paired=True, maps=MAPS)
    x = torch.rand((1, 2, 6, 8), dtype=torch.float64)
    assert fourier.estimate_channels(6) == 2
    torch.testing.assert_close(fourier.combined(fourier.adjoint(fourier(x))), x)


def test_real_image_knows_the_negative_frequencies():
    sampled = torch.zeros(6, 8, dtype=torch.bool)
    sampled[0, 0] = sampled[1, 2] = True
    found = KSpace(sampled, paired=False).sampled.nonzero().tolist()
    assert found == [[0, 0], [1, 2], [5, 6]]
    assert int(KSpace(sampled, paired=True).sampled.sum()) == 2
