"""Operator: the interface of the forward operators A, and the identity.

An operator acts on the last axes of a tensor, one per factor or PSF dimension, so that planes and
volumes share the same code. Blur and downsampling commute with the affine intensity map.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Self

import torch
from torch import Tensor

if TYPE_CHECKING:
    from napari_dip.core.image.shape import Shape
    from napari_dip.core.noise.model import NoiseModel


class Forward(ABC):
    """Forward operator A: shapes, forward map, and the observation made from a picture.

    The defaults are those of an operator that keeps the shape.
    """

    @abstractmethod
    def __call__(self, estimate: Tensor) -> Tensor:
        """Map (N, C, *estimate_shape) to (N, C, *observed_shape)."""

    def estimate_shape(self, observed: Shape) -> Shape:
        """Return the spatial shape of the estimate for an observation of shape `observed`."""
        return observed

    def estimate_channels(self, observed: int) -> int:
        """Return the number of channels of the estimate for `observed` channels."""
        return observed

    def inside(self, estimate: Tensor) -> Tensor:
        """Return the part of the estimate inside the field of view."""
        return estimate

    def lift(self, observation: Tensor) -> Tensor:
        """Return a picture of the estimate's shape that resembles the observation."""
        return observation

    def measured(self, picture: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        """Return the observation and its valid mask, computed from a picture (1, C, ...)."""
        return picture, valid

    def noise(self, noise: NoiseModel, recorded: Tensor) -> NoiseModel:
        """Return the noise model of the observation, given the noise model of the picture."""
        return noise


class Tileable:
    """Properties of A that tiling needs; by default A is not local and cannot be tiled."""

    # Each part of the observation depends on one part of the estimate, with the same A.
    local: ClassVar[bool] = False

    @property
    def grid(self) -> int:
        """Step between possible tile starts [observation pixels]."""
        return 1

    def margin(self, axis: int) -> int:
        """Return the margin inside a tile edge where A needs pixels from outside the tile.

        In observation pixels, along one of the last axes.
        """
        return 0

    def part(self, observed: Shape, start: Shape | None = None) -> Self | None:
        """Return A of a part of the observation; None if A needs the complete image.

        Parameters
        ----------
        observed : tuple of int
            Spatial shape ([Z,] Y, X) of that part.
        start : tuple of int, optional
            Position of its first pixel in the complete observation. The first pixel of all by
            default.
        """
        return self if self.local else None


class HoldOut:
    """Choice and weights of held-out pixels; by default random pixels with equal weights."""

    # The other observed values predict a held-out value.
    predictable: ClassVar[bool] = True

    def holdout_scores(self, valid: Tensor, random: torch.Generator) -> Tensor:
        """Return scores in 0..1, broadcastable to `valid`; pixels with low scores are held out."""
        if not self.predictable:
            return torch.ones((), device=random.device)
        # All channels of a pixel together: their noise may be correlated.
        return torch.rand((1, 1, *valid.shape[2:]), generator=random, device=random.device)

    def holdout_weights(self, valid: Tensor) -> Tensor:
        """Return the weight of each held-out pixel, in the shape of `valid`, which is 0 or 1."""
        return valid


class Fitted:
    """Parameters of A that are fitted together with the network; by default there are none."""

    def fresh(self, device: torch.device) -> Self:
        """Return an operator for a single fit, which may change its parameters."""
        return self

    def parameters(self) -> list[Tensor]:
        """Return the tensors that are fitted together with the network."""
        return []

    def findings(self) -> dict[str, float]:
        """Return the fitted values by name, for the report."""
        return {}


class Operator(Forward, Tileable, HoldOut, Fitted):
    """A complete forward operator: the map itself, and what tiling, hold-out and fitting need."""


class Identity(Operator):
    """The observation is the estimate, with noise or missing pixels (eq. 3 and 6)."""

    local = True

    def __call__(self, estimate: Tensor) -> Tensor:
        return estimate
