"""Helpers of the tests of tasks."""

from __future__ import annotations

import numpy as np
from PIL import Image as Picture
from scipy import ndimage

from napari_dip.api import finish
from napari_dip.core.restoration.restore import restore
from tests.tiny import tiny_config, waves

HOLE = np.zeros((24, 20), bool)


HOLE[5:9, 3:8] = True


def run(image, task, config=None, **options):
    return finish(restore(image, task, config or tiny_config(3), **options))


def rmse(estimate, truth):
    return float(np.sqrt(np.mean((np.asarray(estimate) - truth) ** 2)))


def jpeg_file(tmp_path, shape=(32, 48), *, coloured=True):
    """Return a picture and the path of its JPEG file, written by Pillow."""
    grey = waves(shape)
    truth = np.stack([grey, grey[::-1], 240 - grey], axis=-1) if coloured else grey
    Picture.fromarray(truth.astype(np.uint8)).save(tmp_path / "small.jpg", quality=10)
    return truth.astype(np.uint8), tmp_path / "small.jpg"


def blobs(shape=(12, 24, 20)):
    """Return a volume of bright blobs on a background of 50."""
    rng = np.random.default_rng(0)
    points = np.zeros(shape)
    points[tuple(rng.integers(2, n - 2, 12) for n in shape)] = 1
    smooth = ndimage.gaussian_filter(points, 1.5)
    return 50 + 150 * smooth / smooth.max()
