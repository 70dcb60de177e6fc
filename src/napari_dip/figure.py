"""Figure: one picture of a restoration, for a report or a talk."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike, NDArray

    from napari_dip.comparison import Row
    from napari_dip.core.image import Image
    from napari_dip.core.progress import Progress

# Shown intensities: a few hot pixels must not darken the rest [percent].
_PERCENTILES = (0.5, 99.5)


@dataclass
class Curve:
    """Loss, held-out error and PSNR of one block as the iterations go by.

    Attributes
    ----------
    iteration, loss, heldout_error, psnr : list
        One entry per progress; NaN where a number is not known.
    selected_iteration : int
        Whose estimate was returned.
    """

    iteration: list[int] = field(default_factory=list)
    loss: list[float] = field(default_factory=list)
    heldout_error: list[float] = field(default_factory=list)
    psnr: list[float] = field(default_factory=list)
    selected_iteration: int = 0

    def add(self, progress: Progress) -> None:
        self.iteration.append(progress.iteration)
        self.loss.append(progress.loss)
        self.heldout_error.append(_number(progress.heldout_error))
        self.psnr.append(_number(progress.psnr))
        self.selected_iteration = progress.selected_iteration


def save_figure(path: Path, observation: ArrayLike, restored: ArrayLike, curve: Curve) -> None:
    """Draw observation, result, residual and curve side by side.

    Parameters
    ----------
    path : Path
        PNG file to write.
    observation, restored : (Y, X) array_like
        Same intensity scale; both are shown with the same limits.
    curve : Curve
        How the fit went.
    """
    before, after = np.asarray(observation, np.float64), np.asarray(restored, np.float64)
    # Figure instead of pyplot: no global state, no window, any thread.
    figure = Figure(figsize=(16, 4), layout="constrained")
    panels = figure.subplots(1, 4)
    low, high = np.nanpercentile(before, _PERCENTILES)
    for panel, title, values in zip(
        panels, ("observation", "result"), (before, after), strict=False
    ):
        _show(panel, title, values, float(low), float(high), "gray")
    residual = before - after
    spread = float(np.nanpercentile(np.abs(residual), _PERCENTILES[1])) or 1.0
    _show(panels[2], "residual (observation - result)", residual, -spread, spread, "coolwarm")
    _plot(panels[3], curve)
    figure.savefig(path, format="png", dpi=100)


def save_comparison(
    path: Path, observation: Image, rows: Sequence[Row], reference: Image | None = None
) -> None:
    """Draw one plane of the observation, of each method's result and of the truth.

    Parameters
    ----------
    path : Path
        PNG file to write.
    observation, reference : Image
        Same axes as the results.
    rows : sequence of Row
        The results.
    """
    pictures = {"observation": observation, **{_caption(row): row.image for row in rows}}
    if reference is not None:
        pictures["reference"] = reference
    low, high = np.nanpercentile(_middle_plane(observation), _PERCENTILES)
    columns = min(len(pictures), 3)
    lines = -(-len(pictures) // columns)
    figure = Figure(figsize=(4 * columns, 4 * lines), layout="constrained")
    panels = np.ravel(figure.subplots(lines, columns))
    for panel in panels:
        panel.set_axis_off()
    for panel, (title, picture) in zip(panels, pictures.items(), strict=False):
        values = (_middle_plane(picture) - low) / max(high - low, 1e-30)
        panel.imshow(np.clip(values, 0, 1), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        panel.set_title(title)
    figure.savefig(path, format="png", dpi=100)


def _caption(row: Row) -> str:
    return row.name if row.psnr is None else f"{row.name}, {row.psnr:.2f} dB"


def _middle_plane(image: Image) -> NDArray[np.float64]:
    """Return (Y, X), or (Y, X, 3) of RGB."""
    at = tuple(
        slice(None) if axis in "YX" else slice(0, 3) if axis == "S" else size // 2
        for axis, size in zip(image.axes, image.shape, strict=True)
    )
    values = np.asarray(image.data[at], np.float64)
    kept = [axis for axis in image.axes if axis in "YXS"]
    return values.transpose([kept.index(axis) for axis in sorted(kept, key="YXS".index)])


def _show(
    panel: Axes, title: str, values: NDArray[np.float64], low: float, high: float, colours: str
) -> None:
    picture = panel.imshow(values, cmap=colours, vmin=low, vmax=high, interpolation="nearest")
    panel.set_title(title)
    panel.set_axis_off()
    panel.figure.colorbar(picture, ax=panel, shrink=0.8)


def _plot(panel: Axes, curve: Curve) -> None:
    panel.set_title("fit")
    panel.set_xlabel("iteration")
    panel.set_ylabel("error / noise variance")
    lines = panel.plot(curve.iteration, curve.loss, label="loss")
    if np.isfinite(curve.heldout_error).any():
        lines += panel.plot(curve.iteration, curve.heldout_error, label="held out")
    if all(value > 0 for value in curve.loss):
        panel.set_yscale("log")
    selected = panel.axvline(
        curve.selected_iteration, color="gray", linestyle=":", label="selected"
    )
    if np.isfinite(curve.psnr).any():
        decibels = panel.twinx()
        lines += decibels.plot(curve.iteration, curve.psnr, color="tab:green", label="psnr")
        decibels.set_ylabel("psnr [dB]")
    panel.legend(handles=[*lines, selected], loc="center right")


def _number(value: float | None) -> float:
    return float("nan") if value is None else value
