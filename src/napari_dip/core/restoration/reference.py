"""Reference: compare estimates with the known truth, for the report only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_dip import metrics
from napari_dip.core.image.image import Image, as_image

if TYPE_CHECKING:
    from napari_dip.core.blocks.plan import Block


class Reference:
    """The known truth, and the iteration of each block that is closest to it.

    No stopping rule and no other decision reads it.

    Parameters
    ----------
    reference : array_like or Image
        Known truth, of the result's shape.
    result : Image
        Image with the axes and the shape of the result.
    axes : str
        Axes of the image that blocks are cut from.
    """

    def __init__(self, reference: Any, result: Image, axes: str) -> None:
        data = reference.data if isinstance(reference, Image) else reference
        self._reference = as_image(np.asarray(data), result.axes)
        metrics.check_same_shape(result.data, self._reference.data)
        self._axes = axes
        self._range = metrics.data_range(self._reference.data)
        # Of each block, by index: smallest mean squared error, its iteration, and the pixels.
        self._best: dict[int, tuple[float, int, int]] = {}

    def compare(
        self, block: Block, run: int, iteration: int, estimate: NDArray[np.float32]
    ) -> float:
        """Return the PSNR of an estimate of a block, and remember the best iteration.

        Parameters
        ----------
        block : Block
            Place of the estimate.
        run : int
            Number of the fit, from 0; the best iteration is that of the first.
        iteration : int
            Iteration of the estimate, from 1.
        estimate : (...) float32 array
            Estimate on the image's scale, in the axes of the result's array.

        Returns
        -------
        float
            Peak signal-to-noise ratio [dB].
        """
        steps = zip(self._axes, block.target, strict=True)
        selection = tuple(step for axis, step in steps if axis in self._reference.axes)
        truth = np.asarray(self._reference.data[selection], dtype=np.float64)
        error = float(np.mean((estimate - truth) ** 2))
        if run == 0 and error < self._best.get(block.index, (np.inf,))[0]:
            self._best[block.index] = error, iteration, truth.size
        return self._psnr(error)

    def evaluate(self, restored: NDArray[np.float32]) -> dict[str, float | int | None]:
        """Return psnr and ssim of the result, and the best psnr of all iterations."""
        reference = self._reference.data
        quality: dict[str, float | int | None] = {
            "psnr": metrics.psnr(restored, reference),
            "ssim": metrics.ssim(restored, reference, self._reference.axes),
        }
        if self._best:
            errors, _, sizes = zip(*self._best.values(), strict=True)
            error = float(np.average(errors, weights=sizes))
            quality["best_psnr"] = self._psnr(error)
            quality["best_iteration"] = next(iter(self._best.values()))[1]
        return quality

    def _psnr(self, error: float) -> float:
        return float(10 * np.log10(self._range**2 / max(error, 1e-300)))
