"""Problem: one block as tensors in network units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_dip.core.noise.model import NoiseModel
from napari_dip.core.noise.thinning import thin
from napari_dip.core.operators.base import Identity, Operator

if TYPE_CHECKING:
    from napari_dip.core.image.shape import Shape


@dataclass(frozen=True, slots=True)
class Problem:
    """theta* = argmin nll(y | A f_theta(z)) for one block.

    Attributes
    ----------
    observation : (1, C, [Z,] Y, X) float32 Tensor
        Observation y, with any finite value where it is not valid.
    valid : (1, C, [Z,] Y, X) bool Tensor
        True at observed pixels.
    noise : NoiseModel
        Noise of all channels; its numbers are (C, [1,] 1, 1) tensors.
    bounds : (low, high)
        Range of the estimate, with headroom.
    operator : Operator
        Forward operator A, from the estimate (1, C, [Z,] Y, X) to the observation.
    guide : (1, G, [Z,] Y, X) float32 Tensor or None
        Guide image of the same scene, of the observation's size.
    neighbours : (1, K, Y, X) float32 Tensor or None
        Neighbouring planes or frames of an observation of one channel, NaN at missing pixels.
    anisotropy : float
        Spacing of the estimate's planes divided by that of its pixels.
    image_shape : tuple of int or None
        Shape (C, [Z,] Y, X) of the degraded image, which the observation was computed from;
        None if the observation is that image.
    dark : float
        Intensity without light.
    """

    observation: Tensor
    valid: Tensor
    noise: NoiseModel
    bounds: tuple[float, float]
    operator: Operator = field(default_factory=Identity)
    guide: Tensor | None = None
    neighbours: Tensor | None = None
    anisotropy: float = 1.0
    image_shape: Shape | None = None
    dark: float = 0.0

    @property
    def channels(self) -> int:
        """Number of channels of the estimate."""
        return self.operator.estimate_channels((self.image_shape or self.observation.shape[1:])[0])

    @property
    def shape(self) -> Shape:
        """Spatial shape ([Z,] Y, X) of the estimate."""
        return self.operator.estimate_shape(
            tuple((self.image_shape or self.observation.shape[1:])[1:])
        )

    @property
    def neighbour_count(self) -> int:
        """Number of neighbouring planes or frames."""
        return 0 if self.neighbours is None else self.neighbours.shape[1]

    @property
    def is_picture(self) -> bool:
        """Whether the observation is an image, with the axes of the estimate."""
        return self.observation.ndim == len(self.shape) + 2

    @property
    def depth(self) -> int | None:
        """Number of planes of the estimate; None if it is a single plane."""
        return self.shape[0] if len(self.shape) == 3 else None

    def middle(self, size: int) -> Problem:
        """Return the problem of the middle, of at most this size along each axis [pixels].

        A problem whose operator needs the whole image comes back as it is.
        """
        shape = self.observation.shape[2:]
        start = tuple(max(n - size, 0) // 2 for n in shape)
        part = self.operator.part(tuple(min(n, size) for n in shape), start)
        if part is None or not self.operator.local:
            return self

        def crop(values: Tensor) -> Tensor:
            for axis, first in enumerate(start, 2):
                values = values.narrow(axis, first, min(values.shape[axis], size))
            return values

        return replace(
            self,
            observation=crop(self.observation),
            valid=crop(self.valid),
            operator=part,
            guide=None if self.guide is None else crop(self.guide),
            neighbours=None if self.neighbours is None else crop(self.neighbours),
            noise=replace(self.noise, excess=crop(self.noise.excess))
            if self.noise.excess is not None
            else self.noise,
            image_shape=None,
        )

    def thinned(self, shares: Sequence[float], random: torch.Generator) -> list[Problem]:
        """Return problems of the same scene, each with a share of the photons.

        Their noise is independent; see `napari_dip.core.noise.thinning.thin`.
        """
        parts = thin(self.observation, self.noise, shares, random)
        return [
            replace(self, observation=part, noise=self.noise.of_share(share))
            for part, share in zip(parts, shares, strict=True)
        ]

    def without(self, part: Problem, share: float) -> Problem:
        """Return the problem of the photons that are left without a part of this share."""
        left = (self.observation - share * part.observation) / (1 - share)
        return replace(self, observation=left, noise=self.noise.of_share(1 - share))

    def equally_weighted(self) -> Problem:
        """Return the problem with one weight for all pixels of a channel.

        Only then the data fidelity compares estimates fairly: a weight that depends on the
        estimate prefers bright ones.
        """
        variance = self.noise.variance(self.observation)
        if variance.ndim == self.observation.ndim:
            axes = tuple(range(2, variance.ndim))
            variance = variance.mean(axes, keepdim=True)[0]
        return replace(self, noise=replace(self.noise, equal=variance))

    def nll(self, estimate: Tensor) -> Tensor:
        """Return the data fidelity (negative log likelihood) of each value of the observation."""
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
    neighbours: NDArray[np.float32] | None = None,
    dark: float = 0.0,
    excess: NDArray[np.float32] | None = None,
) -> Problem:
    """Return the problem of one block, (C, [Z,] Y, X) in network units, on a device.

    Parameters
    ----------
    observation, valid : (C, [Z,] Y, X) arrays
        Degraded image, and True at observed pixels.
    noise : sequence of NoiseModel
        Noise of each channel, with plain numbers.
    bounds : (low, high)
        Range of the estimate, with headroom.
    device : torch.device
        Device of the fit.
    operator : Operator, optional
        Forward operator A; the identity by default.
    guide : (G, [Z,] Y, X) array, optional
        Guide image of the same scene; none by default.
    anisotropy : float, optional
        Spacing of the estimate's planes divided by that of its pixels; 1 by default.
    neighbours : (K, Y, X) array, optional
        Neighbouring planes of an observation of one channel, NaN at missing pixels; none by
        default.
    dark : float, optional
        Intensity without light; 0 by default.
    excess : (C, [Z,] Y, X) array, optional
        Variance of each pixel beyond that of its channel; none by default.
    """

    def column(name: str) -> Tensor:
        numbers = np.array([getattr(model, name) for model in noise], dtype=np.float32)
        # (C, [1,] 1, 1)
        return torch.from_numpy(numbers.reshape(-1, *(1,) * (observation.ndim - 1))).to(device)

    def to_tensor(images: NDArray[np.float32] | None) -> Tensor | None:
        return None if images is None else torch.from_numpy(np.array(images))[None].to(device)

    operator = operator or Identity()
    filled = np.where(valid, observation, 0).astype(np.float32)
    measured, where = operator.measured(
        torch.from_numpy(filled)[None].to(device),  # (1, C, [Z,] Y, X)
        torch.from_numpy(np.array(valid))[None].to(device),
    )
    image_noise = NoiseModel(
        slope=column("slope") if any(model.slope for model in noise) else 0.0,
        intercept=column("intercept"),
        floor=column("floor"),
        equal=column("equal") if noise[0].equal is not None else None,
        laplace=any(model.laplace for model in noise),
        tolerance=column("tolerance") if noise[0].tolerance is not None else None,
        grain=max(model.grain for model in noise),
        excess=to_tensor(excess),
    )
    return Problem(
        observation=measured,
        valid=where,
        noise=operator.noise(image_noise, measured),
        bounds=bounds,
        operator=operator,
        guide=to_tensor(guide),
        neighbours=to_tensor(neighbours),
        anisotropy=anisotropy,
        image_shape=observation.shape,
        dark=dark,
    )
