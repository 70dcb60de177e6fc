"""Cubic interpolation of rows, and consistency with coarse rows."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_dip.core.fitting.axial.interpolation import Consistency, interpolate
from napari_dip.core.operators.downsample import Downsample


def test_interpolation_keeps_a_parabola_between_its_rows():
    centres = 4 * np.arange(12) + 1.5
    fine = interpolate((centres**2)[None, :, None].astype(np.float32), 4)[0, :, 0]
    np.testing.assert_allclose(fine[20:28], np.arange(20, 28) ** 2, atol=2)


@pytest.mark.parametrize("kernel", ["lanczos2", "box", "gaussian", "none"])
@pytest.mark.parametrize("factor", [2, 3, 8])
def test_changed_rows_explain_the_coarse_rows(factor, kernel):
    operator = Downsample((factor, 1), kernel)
    random = np.random.default_rng(0)
    coarse = random.normal(size=(2, 7, 5)).astype(np.float32)
    fine = random.normal(size=(2, 7 * factor, 5)).astype(np.float32)
    before = operator(torch.from_numpy(fine)[:, None])[:, 0].numpy()
    fine += Consistency(operator, 7).change(coarse - before)
    after = operator(torch.from_numpy(fine)[:, None])[:, 0].numpy()
    np.testing.assert_allclose(after, coarse, atol=1e-4)
