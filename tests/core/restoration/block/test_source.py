"""BlockSource: the noise of samples of RGB that are restored one by one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from napari_dip.config import DipConfig
from napari_dip.core.image.image import as_image
from napari_dip.core.restoration.block import source as source_module
from napari_dip.core.restoration.block.source import BlockSource
from napari_dip.core.restoration.plan import resolve
from napari_dip.core.tasks import Denoise
from tests.tiny import waves


def with_coarse_noise():
    """Return an RGB image whose samples have coarse noise, (Y, X, S)."""
    noise = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=(64, 64, 3)), (1, 1, 0))
    return waves()[..., None] + 25 * noise / noise.std()


@pytest.mark.parametrize("negligible", [True, False])
def test_sample_whose_noise_is_hidden_has_that_of_all_samples(monkeypatch, negligible):
    plan = resolve(as_image(with_coarse_noise(), "YXS"), Denoise(), DipConfig(device="cpu"))
    assert len(plan.blocks) == 3
    of_all = plan.channels[0]
    own = replace(of_all, record=of_all.record.model_copy(update={"negligible": negligible}))
    monkeypatch.setattr(source_module, "find_channel", lambda *_: own)
    (channel,) = BlockSource(plan, plan.runtime.device).read(plan.blocks[0]).channels
    assert channel is (of_all if negligible else own)
