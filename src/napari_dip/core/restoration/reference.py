"""Reference: compares with the truth, for the report only; nothing in a fit reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_dip import metrics
from napari_dip.core.image.image import Image, as_image

if TYPE_CHECKING:
    from napari_dip.core.blocks.plan import Block


class Reference:
    """Knows the reference, and the best iteration that hindsight would choose.

    Parameters
    ----------
    reference : array_like or Image
        Truth, of the result's shape.
    result : Image
        Of the axes and the shape that the result will have.
    axes : str
        Of the image that blocks are cut from.
    """

    def __init__(self, reference: Any, result: Image, axes: str) -> None:
        data = reference.data if isinstance(reference, Image) else reference
        self._reference = as_image(np.asarray(data), result.axes)
        metrics.check_same_shape(result.data, self._reference.data)
        self._axes = axes
        self._range = metrics.data_range(self._reference.data)
        self._best: dict[int, tuple[float, int, int]] = {}

    def look(self, block: Block, run: int, iteration: int, estimate: NDArray[np.float32]) -> float:
        """Return the PSNR [dB] of a block's estimate, shaped as the result's array there."""
        steps = zip(self._axes, block.target, strict=True)
        selection = tuple(step for axis, step in steps if axis in self._reference.axes)
        truth = np.asarray(self._reference.data[selection], dtype=np.float64)
        error = float(np.mean((estimate - truth) ** 2))
        if run == 0 and error < self._best.get(block.index, (np.inf,))[0]:
            self._best[block.index] = error, iteration, truth.size
        return self._decibel(error)

    def judge(self, restored: NDArray[np.float32]) -> dict[str, float | int | None]:
        """Return psnr and ssim of the result, and the best psnr that was passed by."""
        reference = self._reference.data
        quality: dict[str, float | int | None] = {
            "psnr": metrics.psnr(restored, reference),
            "ssim": metrics.ssim(restored, reference, self._reference.axes),
        }
        if self._best:
            errors, _, sizes = zip(*self._best.values(), strict=True)
            error = float(np.average(errors, weights=sizes))
            quality["best_psnr"] = self._decibel(error)
            quality["best_iteration"] = next(iter(self._best.values()))[1]
        return quality

    def _decibel(self, error: float) -> float:
        return float(10 * np.log10(self._range**2 / max(error, 1e-300)))
