from __future__ import annotations

import numpy as np
import pytest

from napari_dip.baselines import available, compare
from napari_dip.core.image import Image
from tests.tiny import noisy_waves, waves


@pytest.mark.parametrize("axes", ["YX", "ZYX", "YXS", "CYX"])
def test_every_baseline_removes_noise_from_any_image(axes):
    count = {"YX": 1, "ZYX": 2, "CYX": 2, "YXS": 3}[axes]
    at = -1 if axes == "YXS" else 0
    planes = [noisy_waves(sigma=20.0 + index) for index in range(count)]
    noisy = planes[0] if axes == "YX" else np.stack(planes, axis=at)
    truth = waves() if axes == "YX" else np.stack([waves()] * count, axis=at)
    rows = list(compare(Image(noisy, axes), Image(truth, axes)))
    assert [row.name for row in rows] == list(available())
    before = np.mean((noisy - truth) ** 2)
    for row in rows:
        assert row.image.axes == axes
        assert np.mean((np.asarray(row.image.data) - truth) ** 2) < 0.6 * before, row.name
        assert row.psnr is not None


def test_a_constant_image_stays_as_it_is():
    rows = compare(Image(np.full((16, 16), 7, np.uint16), "YX"))
    assert all((np.asarray(row.image.data) == 7).all() for row in rows)
