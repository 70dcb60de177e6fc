"""Draw the picture of the README: two bundled samples, restored with default settings.

    python -m benchmarks.before_after

Writes docs/figures/before-after.png: the observation, the result and the truth of a noisy
cell and of one plane of a fluorescence stack.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from napari_dip import metrics, restore
from napari_dip.api import finish
from napari_dip.samples.noisy import Sample, cell, fluorescence

FILE = Path(__file__).parents[1] / "docs" / "figures" / "before-after.png"
SIDE = 160  # pixels shown along Y and X: noise stays visible at the size of the README


def pictures(sample: Sample) -> list[tuple[str, np.ndarray]]:
    """Return title and middle (Y, X) of the observation, the result and the truth."""
    restored = finish(restore(sample.image)).image
    truth = np.asarray(sample.reference.data)
    shown = []
    for name, image in (("observation", sample.image), ("result", restored)):
        values = np.asarray(image.data)
        shown.append((f"{name}, {metrics.psnr(values, truth):.1f} dB", _middle(values)))
    return [*shown, ("truth", _middle(truth))]


def _middle(values: np.ndarray) -> np.ndarray:
    plane = values[len(values) // 2] if values.ndim == 3 else values
    top, left = ((size - SIDE) // 2 for size in plane.shape)
    return plane[top : top + SIDE, left : left + SIDE]


def main() -> None:
    """Restore both samples and write the picture."""
    figure = Figure(figsize=(9, 6.3), layout="constrained")
    axes = figure.subplots(2, 3)
    for row, sample in zip(axes, (cell(), fluorescence()), strict=True):
        shown = pictures(sample)
        low, high = np.percentile(shown[-1][1], (0.5, 99.8))
        for axis, (title, values) in zip(row, shown, strict=True):
            axis.imshow(values, cmap="gray", vmin=low, vmax=high)
            axis.set_title(title)
            axis.set_axis_off()
    figure.savefig(FILE, dpi=80)


if __name__ == "__main__":
    main()
