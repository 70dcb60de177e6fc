"""Feature inversion and activity maximisation."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import napari_dip
from napari_dip.core.image.image import as_image
from napari_dip.core.image.scaling import find_scaling
from napari_dip.core.operators.features import Features
from napari_dip.core.tasks import (
    InvertFeatures,
)
from napari_dip.errors import InputError
from tests.core.tasks.conftest import run
from tests.tiny import tiny_config, tiny_features, waves


def features_of(picture, layer="2"):
    """Return the features of a picture from 0 to 1 in the tiny network."""
    return Features(tiny_features()._replace(layer=layer))(
        torch.from_numpy(as_image(picture).data)[None, None]
    )


def test_no_feature_is_held_out():
    valid = torch.ones(1, 12, dtype=torch.bool)
    random = torch.Generator().manual_seed(0)
    draws = torch.stack(
        [Features(tiny_features()).holdout_scores(valid, random) for _ in range(200)]
    )
    assert (draws >= 1).all()


def test_result_has_the_features_of_the_image():
    scale = find_scaling(waves())
    wanted = features_of(scale.scale(waves()))
    start = features_of(np.full((64, 64), 0.5, np.float32))
    found = napari_dip.invert_features(waves(), "tiny", config=tiny_config(300, "noise"))
    error = features_of(scale.scale(found)) - wanted
    assert float(error.norm()) < 0.3 * float((start - wanted).norm())


def test_module_and_named_network_give_the_same_result():
    tiny, config = tiny_features(), tiny_config(3, "noise")
    standardised = torch.nn.Sequential(
        torch.nn.BatchNorm2d(3, eps=0.0, affine=False), *tiny.module
    ).eval()
    standardised[0].running_mean.fill_(0.5)
    standardised[0].running_var.fill_(0.25**2)
    named = napari_dip.invert_features(waves(), "tiny:0", config=config)
    result = napari_dip.invert_features(waves(), standardised, layer="1", config=config)
    np.testing.assert_allclose(result, named, rtol=1e-3)
    # The module is unchanged.
    assert all(parameter.requires_grad for parameter in tiny.module.parameters())


@pytest.mark.parametrize("layer", ["2", "1"])
def test_result_maximises_the_activity_of_a_unit(layer):
    picture = np.random.default_rng(0).random((32, 32)) * 100
    task, scale = InvertFeatures("tiny", layer, unit=1), find_scaling(picture)
    unit = task.operator(as_image(picture), "YX")

    def activity(of):
        return float(unit(torch.from_numpy(scale.scale(of))[None, None]))

    result = run(picture, task, tiny_config(150, "noise")).image.data
    assert activity(result) > activity(picture) + 3 * abs(activity(picture))


def test_uses_all_iterations_by_default():
    config = tiny_config(3, "noise")
    report = run(waves((24, 20)), InvertFeatures("tiny"), config).report
    assert (report.stop_reason, report.config.stop) == ("max_iterations", "none")
    assert report.selected_iteration == report.iterations == 3
    assert report.diagnostics["residual_whiteness"] is None


@pytest.mark.parametrize(
    ("task", "config", "words"),
    [
        (InvertFeatures("nobody"), {}, "expected one of efficientnet-lite0, alexnet"),
        (InvertFeatures("tiny:9"), {}, "the network's: 0, 1, 2"),
        (InvertFeatures("tiny", unit=4), {}, "one of 0 to 3"),
        (InvertFeatures(torch.nn.Conv2d(3, 4, 99)), {}, "24 x 20 pixels"),
        (InvertFeatures("tiny"), {"latent": "observation"}, "another latent"),
        (InvertFeatures("tiny"), {"channels": "joint", "axes": "CYX"}, "2 channels"),
    ],
)
def test_rejects_unknown_networks_layers_and_units(task, config, words):
    picture = np.stack([waves((24, 20))] * 2) if "axes" in config else waves((24, 20))
    with pytest.raises(InputError, match=words):
        run(picture, task, tiny_config(**{"iterations": 2, "latent": "noise", **config}))


def test_rejects_a_constant_image_for_a_unit():
    with pytest.raises(InputError, match="constant"):
        run(np.ones((24, 20)), InvertFeatures("tiny", unit=0))


def test_rejects_missing_pixels():
    with pytest.raises(InputError, match="finite"):
        run(np.full((24, 20), np.nan), InvertFeatures("tiny"))
