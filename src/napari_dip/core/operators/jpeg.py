"""JPEG: the operator from an image to the cosine coefficients that a JPEG file rounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from napari_dip.core.operators.base import Operator

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari_dip.core.image.shape import Shape
    from napari_dip.core.noise.model import NoiseModel

_BLOCK = 8
# Luma and two chroma channels from red, green and blue (BT.601, as in JFIF).
_COLOUR = (
    (0.299, 0.587, 0.114),
    (-0.299 / 1.772, -0.587 / 1.772, 0.5),
    (0.5, -0.587 / 1.402, -0.114 / 1.402),
)


class Jpeg(Operator):
    """Cosine transform of blocks of 8 x 8 pixels of luma and chroma, in quantisation steps.

    The offset of 128 in a file is left out: like the affine intensity map, it changes only the
    means of estimate and observation, by the same amount. The coefficients of a block are
    stored at its pixels; subsampled chroma has fewer coefficients, and the rest of its channel
    is 0.

    Parameters
    ----------
    tables : sequence of (8, 8) float64 Tensor
        Quantisation steps: one table for a grey image, three tables for a colour image.
    factors : (int, int)
        Chroma subsampling along Y and X, 1 or 2.
    shape : (Y, X)
        Shape of the image [pixels]. The outermost pixel is repeated beyond the border.

    References
    ----------
    G. K. Wallace, "The JPEG still picture compression standard", CACM 34 (1991).

    Examples
    --------
    >>> jpeg = Jpeg([torch.full((8, 8), 16.0)], (1, 1), (8, 8))
    >>> jpeg(torch.full((1, 1, 8, 8), 32.0))[0, 0, 0, :2].round().tolist()
    [16.0, 0.0]
    """

    # The other coefficients do not predict a held-out one.
    predictable = False

    def __init__(
        self, tables: Sequence[Tensor], factors: tuple[int, int], shape: tuple[int, int]
    ) -> None:
        self._shape, self._tables, self._factors = shape, tables, factors
        self._channels = [
            _Channel(table, factors if index else (1, 1), shape)
            for index, table in enumerate(tables)
        ]

    def __call__(self, estimate: Tensor) -> Tensor:
        return self._each(_Channel.coefficients, self._luma_chroma(estimate))

    def estimate_shape(self, observed: Shape) -> Shape:
        return self._shape

    @property
    def grid(self) -> int:
        return _BLOCK * max(self._factors)

    def margin(self, axis: int) -> int:
        """Return one block for subsampled chroma, which is interpolated across the border."""
        return _BLOCK if self._factors[axis] > 1 else 0

    def part(self, observed: Shape, start: Shape | None = None) -> Jpeg:
        return Jpeg(self._tables, self._factors, (observed[0], observed[1]))

    def lift(self, observation: Tensor) -> Tensor:
        """Return the image (N, C, Y, X) decoded from coefficients."""
        return self._luma_chroma(self._each(_Channel.picture, observation), back=True)

    def measured(self, picture: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        """Return the coefficients of the file, computed from its decoded image.

        They are integers, except for the rounding of pixels and in blocks that extend beyond
        the border, of which only a part is decoded.
        """
        recorded = self._each(_Channel.decoded_from, self._luma_chroma(picture))
        return recorded, self._each(_Channel.coefficient_mask, recorded) > 0

    def nearest(self, estimate: Tensor, picture: Tensor, reach: float) -> Tensor:
        """Return the estimate with each coefficient within `reach` steps of that of `picture`."""
        recorded, _ = self.measured(picture, torch.ones_like(picture, dtype=torch.bool))
        return self.within_bins(estimate, recorded, torch.tensor(reach).to(estimate))

    def within_bins(self, estimate: Tensor, recorded: Tensor, half_width: Tensor) -> Tensor:
        """Return the estimate with each coefficient clipped to its bin around the recorded one."""
        excess = (self(estimate) - recorded) * self._each(_Channel.coefficient_mask, recorded)
        return estimate - self.lift(excess - excess.clamp(-half_width, half_width))

    def luma(self, image: Tensor) -> Tensor:
        """Return the luma (N, 1, Y, X) of an image (N, C, Y, X)."""
        return self._luma_chroma(image)[:, :1]

    def _each(self, function: Callable[[_Channel, Tensor], Tensor], planes: Tensor) -> Tensor:
        pairs = zip(self._channels, torch.split(planes, 1, dim=1), strict=True)
        return torch.cat([function(channel, plane) for channel, plane in pairs], dim=1)

    def _luma_chroma(self, image: Tensor, *, back: bool = False) -> Tensor:
        """Convert RGB to luma and chroma, or back; a grey image is unchanged."""
        if len(self._channels) == 1:
            return image
        matrix = torch.tensor(_COLOUR, dtype=torch.float64)
        matrix = (matrix.inverse() if back else matrix).to(image)
        return torch.einsum("ij,njyx->niyx", matrix, image)


def blockiness(
    operator: Jpeg, estimate: Tensor, observation: Tensor, noise: NoiseModel
) -> float | None:
    """Return the mean luma step across block borders over that within blocks.

    The coefficients of the estimate are moved into their bins first, as in the returned image.

    Parameters
    ----------
    operator : Jpeg
        Operator of the file.
    estimate : (1, C, Y, X) Tensor
        Image in network units.
    observation : (1, C, Y, X) Tensor
        Recorded coefficients, in quantisation steps.
    noise : NoiseModel
        Noise of the coefficients; half its standard deviation is the half width of a bin.

    Returns
    -------
    float or None
        None when the image has no block border.
    """
    half_step = noise.variance(observation).sqrt() / 2
    luma = operator.luma(operator.within_bins(estimate, observation, half_step))
    steps = [luma.movedim(axis, -1).diff().abs() for axis in (-2, -1)]
    across, within = (
        torch.cat([step[..., _at_borders(step) == border].flatten() for step in steps])
        for border in (True, False)
    )
    return float(across.mean() / within.mean().clamp(min=1e-12)) if len(across) else None


class _Channel:
    """One channel of a file: quantisation table, subsampling and shape."""

    def __init__(self, table: Tensor, factors: tuple[int, int], shape: tuple[int, int]) -> None:
        self._factors, self._shape = factors, shape
        waves = _cosines()[:, None, :, None] * _cosines()[None, :, None, :]  # (v, u, y, x)
        self._analysis = (waves / table[..., None, None]).reshape(-1, 1, _BLOCK, _BLOCK)
        self._synthesis = (waves * table[..., None, None]).reshape(-1, 1, _BLOCK, _BLOCK)
        self._samples = [-(-n // factor) for n, factor in zip(shape, factors, strict=True)]
        self._blocks = [_multiple(n, _BLOCK) for n in self._samples]
        self._finest = [_multiple(n, _BLOCK) for n in shape]  # size of the finest channel

    def coefficients(self, plane: Tensor) -> Tensor:
        """Map pixels (N, 1, Y, X) to coefficients in steps, (N, 1, Y, X) of complete blocks."""
        return self._transform(self._sampled(plane))

    def decoded_from(self, plane: Tensor) -> Tensor:
        """Return the coefficients of a decoded plane, whose subsampled values were interpolated."""
        samples = self._sampled(plane)
        for axis, (factor, n) in enumerate(zip(self._factors, self._shape, strict=True), -2):
            if factor == 2:
                undo = _interpolation(n).inverse().to(samples)
                samples = (samples.movedim(axis, -1) @ undo.T).movedim(-1, axis)
        return self._transform(samples)

    def coefficient_mask(self, coefficients: Tensor) -> Tensor:
        """Return the mask of the coefficients of the channel: 1 there, 0 elsewhere."""
        return self._padded_to_finest(torch.ones_like(self._inside(coefficients)))

    def picture(self, coefficients: Tensor) -> Tensor:
        """Map coefficients to pixels (N, 1, Y, X); subsampled values are repeated."""
        waves = functional.pixel_unshuffle(self._inside(coefficients), _BLOCK)  # (N, 64, ...)
        samples = functional.conv_transpose2d(waves, self._synthesis.to(waves), stride=_BLOCK)
        for axis, factor in enumerate(self._factors, -2):
            samples = samples.repeat_interleave(factor, dim=axis)
        return samples[..., : self._shape[0], : self._shape[1]]

    def _sampled(self, plane: Tensor) -> Tensor:
        multiples = [_multiple(n, by) for n, by in zip(self._shape, self._factors, strict=True)]
        return functional.avg_pool2d(_padded(plane, multiples), self._factors)

    def _transform(self, samples: Tensor) -> Tensor:
        padded = _padded(samples, self._blocks)
        waves = functional.conv2d(padded, self._analysis.to(padded), stride=_BLOCK)
        return self._padded_to_finest(functional.pixel_shuffle(waves, _BLOCK))

    def _inside(self, coefficients: Tensor) -> Tensor:
        return coefficients[..., : self._blocks[0], : self._blocks[1]]

    def _padded_to_finest(self, values: Tensor) -> Tensor:
        rows, columns = (finest - n for finest, n in zip(self._finest, self._blocks, strict=True))
        return functional.pad(values, (0, columns, 0, rows))


def _at_borders(steps: Tensor) -> Tensor:
    """Return True at steps along the last axis that cross a block border."""
    return torch.arange(steps.shape[-1], device=steps.device) % _BLOCK == _BLOCK - 1


def _multiple(n: int, step: int) -> int:
    """Return n rounded up to a multiple of a step."""
    return -(-n // step) * step


def _padded(plane: Tensor, shape: Sequence[int]) -> Tensor:
    """Pad a plane to a shape by repeating its last row and column."""
    rows, columns = (target - n for target, n in zip(shape, plane.shape[-2:], strict=True))
    return functional.pad(plane, (0, columns, 0, rows), mode="replicate")


def _cosines() -> Tensor:
    """Return the matrix of the orthonormal cosine transform of 8 samples, (frequency, sample)."""
    n = torch.arange(_BLOCK, dtype=torch.float64)
    waves = torch.cos(torch.pi * n[:, None] * (n + 0.5) / _BLOCK)
    return waves * torch.where(n > 0, 2 / _BLOCK, 1 / _BLOCK).sqrt()[:, None]


def _interpolation(n: int) -> Tensor:
    """Return the matrix from samples to samples of n pixels that a decoder interpolated.

    As in libjpeg, a pixel lies a quarter of the distance from its sample to the next one.
    """
    samples = torch.eye(-(-n // 2), dtype=torch.float64)
    before, after = (
        samples[(torch.arange(len(samples)) + step).clamp(0, len(samples) - 1)] for step in (-1, 1)
    )
    pixels = torch.stack([3 * samples + before, 3 * samples + after], dim=1).flatten(0, 1) / 4
    if n % 2:  # the image ends before the last pixel, and the pixel before it is repeated
        pixels[-1] = pixels[-2]
    return (pixels[0::2] + pixels[1::2]) / 2
