from __future__ import annotations

import numpy as np
import torch

from napari_dip.core.stopping.running_stats import RunningStats


def test_mean_and_variance_equal_those_of_the_samples():
    samples = 1000 + torch.randn(7, 1, 2, 3, generator=torch.Generator().manual_seed(0))
    moments = RunningStats()
    for sample in samples:
        moments.update(sample)
    assert moments.count == 7
    np.testing.assert_allclose(moments.mean, samples.mean(dim=0), rtol=1e-6)
    np.testing.assert_allclose(moments.variance, samples.var(dim=0), rtol=1e-3)


def test_removed_sample_leaves_no_trace():
    random = torch.Generator().manual_seed(0)
    shrinking = torch.logspace(0, -3, 2000)[:, None] * torch.randn(2000, 50, generator=random)
    samples = 0.5 + shrinking
    moments = RunningStats()
    for new, sample in enumerate(samples):
        moments.update(sample)
        if new >= 100:
            moments.forget(samples[new - 100])
    last = samples[-100:]
    assert moments.count == 100
    np.testing.assert_allclose(moments.mean, last.mean(dim=0), rtol=1e-5)
    np.testing.assert_allclose(moments.variance.mean(), last.var(dim=0).mean(), rtol=0.02)
