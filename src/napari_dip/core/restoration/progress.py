"""Progress and Restoration: the values that `restore` yields and returns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

    from napari_dip.core.fitting.checkpoint import FitCheckpoint
    from napari_dip.core.image.image import Image
    from napari_dip.core.records import Report

Step = TypeVar("Step")
Result = TypeVar("Result")
# Function that is called with each `Progress` of a run.
Follower = Callable[["Progress"], None]


@dataclass(frozen=True, slots=True)
class Progress:
    """The state of a restoration; safe to pass between threads.

    Attributes
    ----------
    block : int
        Index of the block that is fitted now, from 0.
    blocks : int
        Number of blocks.
    selection : tuple
        Index into the result's array at which `estimate` belongs.
    iteration : int
        Iteration of this block, from 1.
    max_iterations : int
        Upper bound of the iterations of this block.
    seconds : float
        Time since the start of the run, without pauses [seconds].
    iterations_left : int
        Upper bound of the iterations of this block and all later ones.
    seconds_left : float or None
        Upper bound of the time left [seconds]: every fit runs to its last iteration. From random
        weights None at the first progress of a fit, which may have been prepared for long; with a
        learned start None until the network has seen a part of the plane.
    loss : float
        Data fidelity of the fitted pixels; 1 where the residual equals the noise.
    heldout_error : float or None
        Data fidelity of the held-out pixels; None if there are none.
    selected_iteration : int
        Iteration whose estimate would be returned now.
    estimate : (...) float32 array
        Moving average of the estimate on the image's scale, shaped as the result at
        `selection`.
    psnr : float or None
        Peak signal-to-noise ratio of this block's estimate [dB]; None without a reference.
    """

    block: int
    blocks: int
    selection: tuple[int | slice, ...]
    iteration: int
    max_iterations: int
    seconds: float
    iterations_left: int
    seconds_left: float | None
    loss: float
    heldout_error: float | None
    selected_iteration: int
    estimate: NDArray[np.float32]
    psnr: float | None = None


@dataclass(frozen=True, slots=True)
class Restoration:
    """Result of `restore`.

    Attributes
    ----------
    image : Image
        Restored image: float32 values on the input's scale, with its axes and voxel size.
    report : Report
        Input, configuration, fits, noise, quality and warnings.
    run_std : (...) float32 array or None
        Standard deviation over independent runs; None if there was only one.
    posterior_std : (...) float32 array or None
        Standard deviation of posterior samples, scaled to match the errors at held-out
        pixels; None without samples.
    checkpoints : mapping of int to sequence of FitCheckpoint, or None
        Checkpoints of the fits of each block, by index of the block; `restore` can resume
        from them. None unless they were asked for.
    """

    image: Image
    report: Report
    run_std: NDArray[np.float32] | None = None
    posterior_std: NDArray[np.float32] | None = None
    checkpoints: Mapping[int, Sequence[FitCheckpoint]] | None = field(default=None, repr=False)

    @property
    def uncertainty(self) -> tuple[str, NDArray[np.float32]] | None:
        """Name and values of the standard deviation, of the runs or of the posterior samples."""
        for name in ("run_std", "posterior_std"):
            if (values := getattr(self, name)) is not None:
                return name, values
        return None


def finish(
    steps: Generator[Step, None, Result], each: Callable[[Step], object] = lambda _: None
) -> Result:
    """Run a generator such as `restore` or `fit` to its end, and return its value.

    Parameters
    ----------
    steps : generator
        Generator that yields `Progress` or `Snapshot`, and returns `Restoration` or `Fit`.
    each : callable, optional
        Function that is called with each value that is yielded; nothing by default.

    Returns
    -------
    Restoration or Fit
        Value that the generator returns.

    Examples
    --------
    >>> from napari_dip import DipConfig, restore
    >>> steps = restore(np.eye(8), config=DipConfig(max_iterations=2, device="cpu"))
    >>> finish(steps).image.shape
    (8, 8)
    """
    while True:
        try:
            each(next(steps))
        except StopIteration as end:
            result: Result = end.value
            return result
