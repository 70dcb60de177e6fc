"""Problem: one block as tensors in network units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_dip.core.operators.base import Identity, Operator

if TYPE_CHECKING:
    from napari_dip.core.image.shape import Shape
    from napari_dip.core.noise.model import NoiseModel


@dataclass(frozen=True, slots=True)
class Problem:
    """theta* = argmin nll(y | A f_theta(z)) for one block.

    Attributes
    ----------
    observation : (1, C, [Z,] Y, X) float32 Tensor
        y; any finite value where it is not valid.
    valid : (1, C, [Z,] Y, X) bool Tensor
        Pixels that were observed.
    noise : NoiseModel
        Of each channel; its numbers are (C, [1,] 1, 1) tensors.
    bounds : (low, high)
        Range of the estimate, with headroom.
    operator : Operator
        A, from the estimate (1, C, [Z,] Y, X) to the observation.
    guide : (1, G, [Z,] Y, X) float32 Tensor or None
        Another picture of the same scene, of the observation's size.
    anisotropy : float
        Spacing of the estimate's planes over that of its pixels.
    pictured : tuple of int or None
        (C, [Z,] Y, X) of the picture that the observation was made of; the observation's own
        by default.
    """

    observation: Tensor
    valid: Tensor
    noise: NoiseModel
    bounds: tuple[float, float]
    operator: Operator = field(default_factory=Identity)
    guide: Tensor | None = None
    anisotropy: float = 1.0
    pictured: Shape | None = None

    @property
    def channels(self) -> int:
        """Channels of the estimate."""
        return self.operator.estimate_channels((self.pictured or self.observation.shape[1:])[0])

    @property
    def shape(self) -> Shape:
        """Spatial shape ([Z,] Y, X) of the estimate."""
        return self.operator.estimate_shape(
            tuple((self.pictured or self.observation.shape[1:])[1:])
        )

    @property
    def is_picture(self) -> bool:
        """Whether the observation has pixels, such as the estimate has."""
        return self.observation.ndim == len(self.shape) + 2

    @property
    def depth(self) -> int | None:
        """Planes of the estimate, if it is a volume."""
        return self.shape[0] if len(self.shape) == 3 else None

    def middle(self, size: int) -> Problem:
        """Return the problem of the middle alone, so large at most along each axis [pixels]."""
        if not self.operator.local:
            return self

        def cut(picture: Tensor) -> Tensor:
            for axis in range(2, picture.ndim):
                n = picture.shape[axis]
                picture = picture.narrow(axis, max(n - size, 0) // 2, min(n, size))
            return picture

        return replace(
            self,
            observation=cut(self.observation),
            valid=cut(self.valid),
            guide=None if self.guide is None else cut(self.guide),
            pictured=None,
        )

    def nll(self, estimate: Tensor) -> Tensor:
        """Return the data fidelity of each pixel of the observation."""
        return self.noise.nll(self.operator(estimate), self.observation)


def make_problem(
    observation: NDArray[np.float32],
    valid: NDArray[np.bool_],
    noise: Sequence[NoiseModel],
    bounds: tuple[float, float],
    device: torch.device,
    operator: Operator | None = None,
    guide: NDArray[np.float32] | None = None,
    anisotropy: float = 1.0,
) -> Problem:
    """Move one block, (C, [Z,] Y, X) in network units, to a device.

    Parameters
    ----------
    observation, valid : (C, [Z,] Y, X) arrays
        Values, and where they are to be believed.
    noise : sequence of NoiseModel
        One for each channel, with plain numbers.
    bounds : (low, high)
        Range of the estimate, with headroom.
    device : torch.device
        Where the fit runs.
    operator : Operator, optional
        Forward operator A; the identity by default.
    guide : (G, [Z,] Y, X) array, optional
        Another picture of the same scene.
    anisotropy : float
        Spacing of the estimate's planes over that of its pixels.
    """
    from napari_dip.core.noise.model import NoiseModel  # numbers become tensors

    def column(name: str) -> Tensor:
        numbers = np.array([getattr(model, name) for model in noise], dtype=np.float32)
        # (C, [1,] 1, 1)
        return torch.from_numpy(numbers.reshape(-1, *(1,) * (observation.ndim - 1))).to(device)

    operator = operator or Identity()
    filled = np.where(valid, observation, 0).astype(np.float32)
    recorded, where = operator.measured(
        torch.from_numpy(filled)[None].to(device),  # (1, C, [Z,] Y, X)
        torch.from_numpy(np.array(valid))[None].to(device),
    )
    of_picture = NoiseModel(
        slope=column("slope") if any(model.slope for model in noise) else 0.0,
        intercept=column("intercept"),
        floor=column("floor"),
        equal=column("equal") if noise[0].equal is not None else None,
        laplace=any(model.laplace for model in noise),
        tolerance=column("tolerance") if noise[0].tolerance is not None else None,
        grain=max(model.grain for model in noise),
    )
    return Problem(
        observation=recorded,
        valid=where,
        noise=operator.noise(of_picture, recorded),
        bounds=bounds,
        operator=operator,
        guide=None if guide is None else torch.from_numpy(np.array(guide))[None].to(device),
        anisotropy=anisotropy,
        pictured=observation.shape,
    )
