"""Features of a trained network as an operator."""

from __future__ import annotations

import pytest
import torch

from napari_dip.core.operators.features import Features, Unit
from tests.tiny import tiny_features


@pytest.mark.parametrize("shape", [(7, 9), (2, 7, 9)])
@pytest.mark.parametrize("phi", [Features(tiny_features()), Unit(tiny_features(), 1)])
def test_features_have_the_right_gradient(phi, shape):
    x = torch.rand((1, 3, *shape), dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(phi, x, fast_mode=True)
