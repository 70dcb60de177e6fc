"""Parts of an observation whose noise is independent."""

from __future__ import annotations

import pytest
import torch

from napari_dip.core.noise.model import NoiseModel
from napari_dip.core.noise.thinning import can_thin, thin

NOISES = {
    "photons": NoiseModel(0.02, 0.0, 1e-4),
    "photons on an offset": NoiseModel(0.02, -0.1, 1e-4),
    "camera": NoiseModel(0.02, 0.1, 1e-4),
    "gaussian": NoiseModel(0.0, 0.25, 1e-4),
    "very many photons": NoiseModel(1e-7, 0.25, 1e-4),
}


def observed(noise):
    """Return a flat image of intensity 10 with noise."""
    random = torch.Generator().manual_seed(0)
    shape = (1, 1, 128, 128)
    if 1e-6 < noise.slope:
        dark = noise.intercept / noise.slope**2
        photons = torch.poisson(torch.full(shape, 10 / noise.slope + dark), generator=random)
        return (photons - dark) * noise.slope
    return 10 + noise.intercept**0.5 * torch.randn(shape, generator=random)


@pytest.mark.parametrize("noise", NOISES.values(), ids=NOISES)
def test_parts_have_the_mean_more_noise_and_no_correlation(noise):
    image = observed(noise)
    random = torch.Generator().manual_seed(1)
    shares = (0.6, 0.3, 0.1)
    parts = thin(image, noise, shares, random)
    for part, share in zip(parts, shares, strict=True):
        assert float(part.mean()) == pytest.approx(10, abs=0.05)
        assert float(part.var() / image.var()) == pytest.approx(1 / share, rel=0.07)
    correlations = torch.corrcoef(torch.stack([part.flatten() for part in parts]))
    assert float((correlations - torch.eye(3)).abs().max()) < 0.04
    total = sum(share * part for part, share in zip(parts, shares, strict=True))
    torch.testing.assert_close(total, image, atol=1e-3, rtol=1e-4)


def test_only_white_noise_without_outliers_is_thinned():
    assert can_thin(NoiseModel(0.1, 0.0, 0.1))
    assert not can_thin(NoiseModel(0.1, 0.0, 0.1, grain=1.0))
    assert not can_thin(NoiseModel(0.1, 0.0, 0.1, laplace=True))
    assert not can_thin(NoiseModel(0.1, 0.0, 0.1, tolerance=1.0))
