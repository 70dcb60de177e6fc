"""Figures of a restoration and of a comparison, as PNG."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike, NDArray

    from napari_dip.compare.run import Row
    from napari_dip.core.image.image import Image
    from napari_dip.core.restoration.progress import Progress

# Percentiles of the displayed intensities, so that hot pixels do not darken the rest.
_PERCENTILES = (0.5, 99.5)


@dataclass
class Curve:
    """Loss, held-out error and PSNR of one block by iteration.

    Attributes
    ----------
    iteration, loss, heldout_error, psnr : list
        One entry per progress; NaN if unknown.
    selected_iteration : int
        Iteration whose estimate is the result.
    """

    iteration: list[int] = field(default_factory=list)
    loss: list[float] = field(default_factory=list)
    heldout_error: list[float] = field(default_factory=list)
    psnr: list[float] = field(default_factory=list)
    selected_iteration: int = 0

    def add(self, progress: Progress) -> None:
        """Append the numbers of a progress."""
        self.iteration.append(progress.iteration)
        self.loss.append(progress.loss)
        self.heldout_error.append(_number(progress.heldout_error))
        self.psnr.append(_number(progress.psnr))
        self.selected_iteration = progress.selected_iteration


def save_figure(
    target: Path | BinaryIO,
    observation: ArrayLike | None,
    restored: ArrayLike,
    curve: Curve | None,
    columns: int = 4,
) -> None:
    """Write a figure of observation, result, residual and curve.

    Parameters
    ----------
    target : Path or binary file
        PNG file to write.
    observation : (Y, X) or (Y, X, 3) array_like, optional
        Observation on the intensity scale of the result; both are displayed with the same
        limits. If its shape differs, as in super-resolution, there is no residual.
    restored : (Y, X) or (Y, X, 3) array_like
        Result.
    curve : Curve, optional
        Loss and errors of the fit by iteration.
    columns : int, default 4
        Number of panels in a row.
    """
    after = np.asarray(restored, np.float64)
    before = None if observation is None else np.asarray(observation, np.float64)
    limits = _limits(after if before is None else before)
    pictures = {} if before is None else {"observation": (before, limits, "gray")}
    pictures["result"] = (after, limits, "gray")
    if before is not None and before.shape == after.shape:
        residual = before - after
        if residual.ndim == 3:
            residual = residual.mean(axis=-1)
        spread = float(np.nanpercentile(np.abs(residual), _PERCENTILES[1])) or 1.0
        title = "residual (observation - result)"
        pictures[title] = (residual, (-spread, spread), "coolwarm")
    count = len(pictures) + (curve is not None)
    figure, panels = _grid(count, columns)
    for panel in panels[count:]:
        panel.set_axis_off()
    for panel, (title, picture) in zip(panels, pictures.items(), strict=False):
        _show(panel, title, *picture)
    if curve is not None:
        _plot(panels[count - 1], curve)
    figure.savefig(target, format="png", dpi=100)


def _grid(count: int, columns: int) -> tuple[Figure, Sequence[Axes]]:
    """Return a figure with room for this many panels, in at most this many columns."""
    columns = min(columns, count)
    rows = -(-count // columns)
    # Figure, unlike pyplot, has no global state or window and works in any thread.
    figure = Figure(figsize=(4 * columns, 4 * rows), layout="constrained")
    return figure, list(figure.subplots(rows, columns, squeeze=False).flat)


def _limits(values: NDArray[np.float64]) -> tuple[float, float]:
    low, high = np.nanpercentile(values, _PERCENTILES)
    return float(low), float(high)


def save_comparison(
    path: Path, observation: Image, rows: Sequence[Row], reference: Image | None = None
) -> None:
    """Write a figure with the middle plane of the observation, each result and the reference.

    Parameters
    ----------
    path : Path
        PNG file to write.
    observation : Image
        Observation, with the axes of the results.
    rows : sequence of Row
        Results of the methods.
    reference : Image, optional
        True image, with the axes of the results.
    """
    pictures = {"observation": observation, **{_caption(row): row.image for row in rows}}
    if reference is not None:
        pictures["reference"] = reference
    low, high = np.nanpercentile(_middle_plane(observation), _PERCENTILES)
    figure, panels = _grid(len(pictures), 3)
    for panel in panels:
        panel.set_axis_off()
    for panel, (title, picture) in zip(panels, pictures.items(), strict=False):
        values = (_middle_plane(picture) - low) / max(high - low, 1e-30)
        panel.imshow(np.clip(values, 0, 1), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        panel.set_title(title)
    figure.savefig(path, format="png", dpi=100)


def save_showcase(path: Path, results: Mapping[str, Sequence[Row]]) -> None:
    """Write a figure with a row of pictures for each image, with the PSNR of each picture.

    Parameters
    ----------
    path : Path
        PNG file to write.
    results : mapping of str to sequence of Row
        Pictures by the description of their image, all with the axes YX or YXS; the last of
        a row is the truth, which sets the limits of the intensities.
    """
    columns = max(len(rows) for rows in results.values())
    figure = Figure(figsize=(3 * columns, 3.2 * len(results)), layout="constrained")
    panels = figure.subplots(len(results), columns, squeeze=False)
    for panel in np.ravel(panels):
        panel.set_axis_off()
    for line, (kind, rows) in zip(panels, results.items(), strict=True):
        low, high = np.nanpercentile(_middle_plane(rows[-1].image), _PERCENTILES)
        for panel, row in zip(line, rows, strict=False):
            values = (_middle_plane(row.image) - low) / max(high - low, 1e-30)
            shown = np.clip(values, 0, 1)
            panel.imshow(shown, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
            panel.set_title(_caption(row), fontsize=10)
        line[0].set_title(f"{kind}\n{_caption(rows[0])}", fontsize=10)
    figure.savefig(path, format="png", dpi=100)


def _caption(row: Row) -> str:
    return row.name if row.psnr is None else f"{row.name}, {row.psnr:.2f} dB"


def _middle_plane(image: Image) -> NDArray[np.float64]:
    """Return the middle plane (Y, X), or (Y, X, 3) of RGB."""
    middle = {axis: size // 2 for axis, size in image.sizes.items() if axis not in "YXS"}
    values = np.asarray(image.plane(middle), np.float64)
    return values[..., :3] if "S" in image.axes else values


def _show(
    panel: Axes,
    title: str,
    values: NDArray[np.float64],
    limits: tuple[float, float],
    colours: str,
) -> None:
    low, high = limits
    panel.set_title(title)
    panel.set_axis_off()
    if values.ndim == 3:  # RGB
        shown = np.clip((values[..., :3] - low) / max(high - low, 1e-30), 0, 1)
        panel.imshow(shown, interpolation="nearest")
        return
    picture = panel.imshow(values, cmap=colours, vmin=low, vmax=high, interpolation="nearest")
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
