"""Forward operators A: what turns an estimate into what the microscope would have recorded.

Each works on the last axes of a tensor, as many as it has factors or PSF
dimensions, so that planes and volumes share one code. The affine intensity map
of an image commutes with all of them.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from napari_dip.config import DEFAULT_KERNEL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_dip.config import Kernel
    from napari_dip.core.image.shape import Shape
    from napari_dip.core.noise.model import NoiseModel

# Full width at half maximum over standard deviation of a Gaussian.
_FWHM = 2 * math.sqrt(2 * math.log(2))
# Where a Gaussian kernel is cut, in standard deviations.
_GAUSSIAN_REACH = 3.0


class Operator(ABC):
    """A, a map from the estimate to the observation, linear here; the identity in shape."""

    # A part of the observation depends on a part of the estimate alone, and A is the same there.
    local: ClassVar[bool] = False
    # A number that was recorded can be hidden, and told from the others.
    predictable: ClassVar[bool] = True

    @property
    def grid(self) -> int:
        """At multiples of how many pixels a part of the observation may begin."""
        return 1

    def margin(self, axis: int) -> int:
        """Return how far inside of a part, along one of the last axes, it counts what lies outside.

        In pixels of the observation: so near to where an image was cut A says too little.
        """
        return 0

    def part(self, observed: Shape) -> Operator | None:
        """Return A of a part of the observation, of this shape; None if A needs the whole."""
        return self if self.local else None

    @abstractmethod
    def __call__(self, estimate: Tensor) -> Tensor:
        """Map (N, C, ..., estimate's shape) to (N, C, ..., observation's shape)."""

    def estimate_shape(self, observed: Shape) -> Shape:
        """Return the spatial shape of the estimate behind an observation."""
        return observed

    def estimate_channels(self, observed: int) -> int:
        """Return how many channels the estimate behind an observation has."""
        return observed

    def inside(self, estimate: Tensor) -> Tensor:
        """Cut off what the estimate has beyond the field of view."""
        return estimate

    def lift(self, observation: Tensor) -> Tensor:
        """Return a picture of the estimate's shape that resembles the observation."""
        return observation

    def measured(self, picture: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        """Return what was recorded, and where, of an image (1, C, ...) that was made of it."""
        return picture, valid

    def noise(self, noise: NoiseModel, recorded: Tensor) -> NoiseModel:
        """Return the noise of what was recorded, given that of the picture it was made of."""
        return noise

    def holdout_scores(self, valid: Tensor, random: torch.Generator) -> Tensor:
        """Return numbers in 0..1 that broadcast to `valid`; pixels with a low one are hidden."""
        if not self.predictable:
            return torch.ones((), device=random.device)
        # All channels of a pixel together: their noise may be correlated.
        return torch.rand((1, 1, *valid.shape[2:]), generator=random, device=random.device)

    def holdout_weights(self, valid: Tensor) -> Tensor:
        """Return how much a hidden pixel counts, of the shape of `valid`, which is 0 or 1."""
        return valid

    def blockiness(self, estimate: Tensor, observation: Tensor, noise: NoiseModel) -> float | None:
        """Return how steep borders of blocks are, beside steps within them; None without any."""
        return None

    def fresh(self, device: torch.device) -> Operator:
        """Return an operator for one fit alone, which may change it."""
        return self

    def parameters(self) -> list[Tensor]:
        """Return what is fitted together with the network."""
        return []

    def findings(self) -> dict[str, float]:
        """Return what a fit has found out about the operator, for the report."""
        return {}


class Identity(Operator):
    """The observation is the estimate, with noise or missing pixels (eq. 3 and 6)."""

    local = True

    def __call__(self, estimate: Tensor) -> Tensor:
        return estimate


class Downsample(Operator):
    """Low-pass and take every n-th pixel along each axis (eq. 5).

    Sample j lies at the centre of its n pixels, j n + (n - 1)/2: phase 0.5 of
    the published code. Beyond the border the outermost pixel goes on.

    Parameters
    ----------
    factors : sequence of int
        n along each spatial axis; 1 leaves an axis alone.
    kernel : {"lanczos2", "box", "gaussian"}
        Low-pass: as published; the mean of the pixels, as binning does; or a
        Gaussian whose full width at half maximum is one coarse pixel.

    References
    ----------
    Ulyanov, Vedaldi, Lempitsky: Deep Image Prior, IJCV 2020, Sec. 3.2.

    Examples
    --------
    >>> binned = Downsample((2, 2), "box")(torch.arange(16.0).reshape(1, 1, 4, 4))
    >>> binned.flatten().tolist()
    [2.5, 4.5, 10.5, 12.5]
    """

    local = True

    def __init__(self, factors: Sequence[int], kernel: Kernel = DEFAULT_KERNEL) -> None:
        self._factors = tuple(factors)
        self._taps = [_taps(factor, kernel) for factor in self._factors]

    def __call__(self, estimate: Tensor) -> Tensor:
        for axis, (factor, taps) in enumerate(zip(self._factors, self._taps, strict=True)):
            if factor > 1:
                estimate = _decimate(estimate, axis - len(self._factors), factor, taps)
        return estimate

    def estimate_shape(self, observed: Shape) -> Shape:
        return tuple(size * factor for size, factor in zip(observed, self._factors, strict=True))

    def margin(self, axis: int) -> int:
        factor, reach = self._factors[axis], len(self._taps[axis])
        return math.ceil((reach - factor) / 2 / factor) if factor > 1 else 0

    def lift(self, observation: Tensor) -> Tensor:
        mode = {2: "bicubic", 3: "trilinear"}[len(self._factors)]
        size = self.estimate_shape(tuple(observation.shape[2:]))
        return functional.interpolate(observation, size, mode=mode, align_corners=False)


def _taps(factor: int, kernel: Kernel) -> Tensor:
    """Return the low-pass of one axis, centred on a coarse pixel, with sum 1."""
    # Fine pixels lie at (n - 1)/2 plus whole numbers from the centre.
    first = (factor - 1) / 2
    reach = {
        "lanczos2": 2.0 * factor,
        "box": factor / 2,
        "gaussian": _GAUSSIAN_REACH * factor / _FWHM,
    }[kernel]
    beyond = max(math.ceil(reach - first) - 1, 0)
    distance = torch.arange(-first - beyond, first + beyond + 0.5, dtype=torch.float64) / factor
    weights = {
        "lanczos2": lambda: torch.sinc(distance) * torch.sinc(distance / 2),
        "box": lambda: torch.ones_like(distance),
        "gaussian": lambda: torch.exp(-0.5 * (distance * _FWHM) ** 2),
    }[kernel]()
    return (weights / weights.sum()).float()


def _decimate(values: Tensor, axis: int, factor: int, taps: Tensor) -> Tensor:
    last = values.movedim(axis, -1)
    rows = last.reshape(-1, 1, last.shape[-1])  # (everything else, 1, size)
    margin = (len(taps) - factor) // 2
    rows = functional.pad(rows, (margin, margin), mode="replicate")
    coarse = functional.conv1d(rows, taps.to(values).reshape(1, 1, -1), stride=factor)
    return coarse.reshape(*last.shape[:-1], -1).movedim(-1, axis)
