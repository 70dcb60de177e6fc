"""Progress and Restoration: what `restore` yields and returns; `finish` asks for the latter."""

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
Outcome = TypeVar("Outcome")
# Called with each `Progress` of a run.
Follower = Callable[["Progress"], None]


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
    iterations_left : int
        At most, of this block and all that follow.
    seconds_left : float
        At most: if every block uses its whole budget.
    loss : float
        Data fidelity of the fitted pixels; 1 where the residual is the noise.
    heldout_error : float or None
        The same for the pixels hidden from the fit.
    selected_iteration : int
        Iteration whose estimate would be returned now.
    estimate : (...) float32 array
        Averaged estimate on the image's own scale, shaped as
        `image.data[selection]`.
    psnr : float or None
        Of this block's estimate [dB], when a reference was given.
    """

    block: int
    blocks: int
    selection: tuple[int | slice, ...]
    iteration: int
    max_iterations: int
    seconds: float
    iterations_left: int
    seconds_left: float
    loss: float
    heldout_error: float | None
    selected_iteration: int
    estimate: NDArray[np.float32]
    psnr: float | None = None


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
        Standard deviation over independent runs, when each block had several.
    posterior_std : (...) float32 array or None
        Standard deviation of samples of the posterior, when each block had some,
        scaled to fit the errors at held-out pixels.
    endings : mapping of int to sequence of FitCheckpoint, or None
        Where the fits of each block ended, kept on demand: `restore` can go on from there.
    """

    image: Image
    report: Report
    run_std: NDArray[np.float32] | None = None
    posterior_std: NDArray[np.float32] | None = None
    checkpoints: Mapping[int, Sequence[FitCheckpoint]] | None = field(default=None, repr=False)

    @property
    def uncertainty(self) -> tuple[str, NDArray[np.float32]] | None:
        """Name and values of the standard deviation of each pixel, whichever there is."""
        for name in ("run_std", "posterior_std"):
            if (values := getattr(self, name)) is not None:
                return name, values
        return None


def finish(
    steps: Generator[Step, None, Outcome], each: Callable[[Step], object] = lambda _: None
) -> Outcome:
    """Exhaust a generator such as `restore` or `fit`, and return its value.

    Parameters
    ----------
    steps : generator
        Yields `Progress` or `Snapshot`, returns `Restoration` or `Fit`.
    each : callable
        Called with all that is yielded.

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
            outcome: Outcome = end.value
            return outcome
