"""Features: the operator that maps the estimate to activations of a trained network."""

from __future__ import annotations

from contextlib import suppress
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from napari_dip.core.image.scaling import WINDOW
from napari_dip.core.noise.model import NoiseModel
from napari_dip.core.operators.base import Operator
from napari_dip.errors import InputError

if TYPE_CHECKING:
    from napari_dip.core.operators.pretrained import Pretrained

# Relative difference of features at which the nll is 1.
_ACCURACY = 0.1
# Unreachable target of an activation, in units of the activation of the image.
_OUT_OF_REACH = 1e3


class Features(Operator):
    """Phi: activations of one layer of a trained network for all planes, as one row.

    The intensity range of the image is mapped to 0 to 1, and a grey image is repeated to three
    channels.

    Parameters
    ----------
    pretrained : Pretrained
        Trained network; it is copied and its weights stay fixed.

    Notes
    -----
    The fit minimises |Phi(x) - Phi(x_0)|^2 / |Phi(x_0)|^2, where x_0 is the image.

    References
    ----------
    A. Mahendran, A. Vedaldi, "Understanding deep image representations by
    inverting them", CVPR 2015; Ulyanov, Vedaldi, Lempitsky: Deep Image Prior,
    IJCV 2020, Sec. 3.4.

    Examples
    --------
    >>> from napari_dip.core.operators.pretrained import Pretrained
    >>> phi = Features(Pretrained(nn.Conv2d(3, 5, 3)))
    >>> phi(torch.zeros(1, 1, 8, 8)).shape
    torch.Size([1, 180])
    """

    predictable = False  # the other features do not predict a held-out one

    def __init__(self, pretrained: Pretrained) -> None:
        self._network = deepcopy(pretrained.module).eval().requires_grad_(False)
        self._layer = _find_layer(self._network, pretrained.layer)
        self._mean = torch.tensor(pretrained.mean)[:, None, None]
        self._std = torch.tensor(pretrained.std)[:, None, None]

    def __call__(self, estimate: Tensor) -> Tensor:
        return self._features(estimate).reshape(1, -1)

    def measured(self, picture: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        try:
            recorded = self(picture)
        except RuntimeError as error:
            if isinstance(error, torch.OutOfMemoryError) or "memory" in str(error):
                raise
            size = " x ".join(map(str, picture.shape[-2:]))
            raise InputError(
                f"Got an image of {size} pixels, which the network does not take ({error}); "
                "expected a size that it accepts, such as 224 x 224."
            ) from error
        return recorded, torch.ones_like(recorded, dtype=torch.bool)

    def noise(self, noise: NoiseModel, recorded: Tensor) -> NoiseModel:
        variance = float((recorded * _ACCURACY).square().mean().clamp(min=1e-12))
        return NoiseModel(slope=0.0, intercept=variance, floor=variance)

    def _features(self, estimate: Tensor) -> Tensor:
        """Return the activations of each plane, (planes, features, ...)."""
        planes = estimate.movedim(1, -3)  # (1, [Z,] C, Y, X)
        planes = planes.reshape(-1, *planes.shape[-3:])  # (planes, C, Y, X)
        if planes.shape[1] not in (1, 3):
            raise InputError(
                f"Got {planes.shape[1]} channels to be fitted jointly; expected one, or red, green "
                "and blue. Choose separate channels."
            )
        low, high = WINDOW
        picture = (planes.expand(-1, 3, -1, -1) - low) / (high - low)
        picture = (picture - self._mean.to(picture)) / self._std.to(picture)
        found: list[Tensor] = []

        def catch(module: nn.Module, given: Any, output: Any) -> None:
            found.append(output)
            raise _FoundError

        with self._layer.register_forward_hook(catch), suppress(_FoundError):
            self._network.to(picture)(picture)
        if not found or not isinstance(found[0], Tensor):
            raise InputError("Got a layer without output; expected a layer with one tensor.")
        return found[0]


class Unit(Features):
    """Mean activation of one unit of a layer, which the fit maximises.

    The observation is an activation that no image reaches, and the data fidelity is
    proportional to the distance: its gradient always increases the activation.

    Parameters
    ----------
    pretrained : Pretrained
        Trained network.
    index : int
        Index of the unit (channel of the layer), from 0.

    References
    ----------
    Ulyanov, Vedaldi, Lempitsky: Deep Image Prior, IJCV 2020, Sec. 3.4.
    """

    def __init__(self, pretrained: Pretrained, index: int) -> None:
        super().__init__(pretrained)
        self._index = index

    def __call__(self, estimate: Tensor) -> Tensor:
        features = self._features(estimate)
        if not 0 <= self._index < features.shape[1]:
            raise InputError(
                f"Got unit {self._index}; expected one of 0 to {features.shape[1] - 1}, the "
                "units of the layer."
            )
        activity = features[:, self._index]  # (planes, ...)
        return activity.reshape(1, len(activity), -1).mean(dim=-1)  # (1, planes)

    def measured(self, picture: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        activity, valid = super().measured(picture, valid)
        return activity + _OUT_OF_REACH * activity.abs().clamp(min=1.0), valid

    def noise(self, noise: NoiseModel, recorded: Tensor) -> NoiseModel:
        # The nll decreases by 1 when the activation grows by that of the image.
        variance = 2 * float(recorded.abs().mean() / _OUT_OF_REACH) ** 2
        return NoiseModel(slope=0.0, intercept=variance, floor=variance, laplace=True)


class _FoundError(Exception):
    """Ends the forward pass after the chosen layer."""


def _find_layer(network: nn.Module, name: str) -> nn.Module:
    layers: dict[str, nn.Module] = dict(network.named_modules())
    if name not in layers:
        shown = [layer for layer in layers if layer.count(".") < 2 and layer]
        raise InputError(
            f"Got the layer {name!r}; expected one of the network's: {', '.join(shown)}."
        )
    return layers[name]
