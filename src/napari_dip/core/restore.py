"""restore(): THE entry. Image in, `Progress` on the way, `Restoration` out."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from napari_dip.config import DipConfig
    from napari_dip.core.image import Image
    from napari_dip.core.report import Report


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a restoration is; safe to pass between threads.

    Attributes
    ----------
    block, blocks : int
        The block being fitted, from 0, and how many there are.
    selection : tuple
        Index into the image's array where `estimate` belongs.
    iteration, max_iterations : int
        Within the block.
    seconds : float
        Since the start of the whole run.
    seconds_left : float or None
        At most, if every block uses its whole budget; None while unknown.
    loss : float
        Data fidelity of the fitted pixels, noise variance = 1.
    heldout_error : float or None
        The same for the pixels hidden from the fit.
    selected_iteration : int
        Iteration whose estimate would be returned now.
    estimate : (...) float32 array or None
        Averaged estimate on the image's own scale, shaped as
        `image.data[selection]`; None when no preview is due.
    """

    block: int
    blocks: int
    selection: tuple[int | slice, ...]
    iteration: int
    max_iterations: int
    seconds: float
    seconds_left: float | None
    loss: float
    heldout_error: float | None
    selected_iteration: int
    estimate: NDArray[np.float32] | None


@dataclass(frozen=True, slots=True)
class Restoration:
    """The result.

    Attributes
    ----------
    image : Image
        float32 values on the input's scale; same shape, axes, voxel size.
    report : Report
        What was done.
    run_std : (...) float32 array or None
        Standard deviation over independent runs, when there were several.
    """

    image: Image
    report: Report
    run_std: NDArray[np.float32] | None = None


def restore(
    image: Any,
    task: Any = None,
    config: DipConfig | None = None,
    *,
    reference: Any = None,
    stop_requested: Callable[[], bool] = lambda: False,
) -> Generator[Progress, None, Restoration]:
    """To be replaced."""
    raise NotImplementedError
