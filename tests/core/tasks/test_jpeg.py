"""Removal of JPEG artefacts."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import napari_dip
from napari_dip.config import DipConfig
from napari_dip.core.image.image import Image
from napari_dip.core.tasks import (
    RemoveJpeg,
    Task,
)
from napari_dip.errors import InputError, UsageError
from napari_dip.io import images as io
from tests.core.tasks.conftest import jpeg_file, run
from tests.tiny import tiny_config


@pytest.mark.parametrize("coloured", [False, True])
@pytest.mark.parametrize(
    ("shape", "loss"), [((32, 48), "auto"), ((32, 48), "bins"), ((37, 51), "auto")]
)
def test_result_is_rounded_to_the_recorded_coefficients(tmp_path, shape, coloured, loss):
    _, path = jpeg_file(tmp_path, shape, coloured=coloured)
    image, task = io.read_image(path), RemoveJpeg(io.read_quantisation(path), loss)
    config = tiny_config(60, latent="noise", stop="none")
    result = run(image, task, config)
    assert result.image.shape == image.shape
    assert result.report.noise.model == "uniform"
    assert DipConfig().complete(task.preset).stop == "blocks"
    operator = task.operator(image, "YX")
    restored, decoded = (
        torch.from_numpy(np.atleast_3d(one.data).transpose(2, 0, 1).astype(float))[None]
        for one in (result.image, image)
    )
    recorded, where = operator.measured(decoded, torch.ones_like(decoded, dtype=torch.bool))
    distance = (operator(restored) - recorded).abs() * where
    assert float(distance[:, :1, :32, :48].max()) < 0.501
    assert float(distance.max()) < 1.5
    # Within the rounding interval the result differs from the decoded picture.
    assert float(distance.max()) > 0.4


class IdentityTask(Task):
    """A task with the identity as operator."""

    name = "dejpeg"


def test_plain_loss_equals_that_of_the_identity(tmp_path):
    _, path = jpeg_file(tmp_path)
    image, quantisation = io.read_image(path), io.read_quantisation(path)
    expected = run(image, IdentityTask()).image.data
    for task in (RemoveJpeg(), RemoveJpeg(quantisation, "plain")):
        np.testing.assert_array_equal(run(image, task).image.data, expected)


def test_rejects_coefficients_without_tables_or_decoded_pixels(tmp_path):
    _, path = jpeg_file(tmp_path)
    image, quantisation = io.read_image(path), io.read_quantisation(path)
    with pytest.raises(InputError, match="no quantisation tables"):
        run(image, RemoveJpeg(loss="bins"))
    for other in (image.with_data(image.data / 2), Image(image.data[..., 0], "YX")):
        with pytest.raises(InputError, match="decoded pixels"):
            run(other, RemoveJpeg(quantisation))


def test_array_gives_the_same_result_as_a_file(tmp_path):
    _, path = jpeg_file(tmp_path)
    image, quantisation = io.read_image(path), io.read_quantisation(path)
    config = tiny_config(2, latent="noise")
    named = run(image, RemoveJpeg(quantisation), config).image.data
    array = napari_dip.remove_jpeg(image.data, quantisation, config=config)
    np.testing.assert_array_equal(array, named)


def test_coefficients_support_the_rule_blocks_but_not_heldout(tmp_path):
    _, path = jpeg_file(tmp_path)
    task = RemoveJpeg(io.read_quantisation(path))
    task.check_stop("blocks")
    with pytest.raises(UsageError, match="heldout"):
        task.check_stop("heldout")
