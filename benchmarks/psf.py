"""PSF from beads: widths that are found, for light, background, size and density of the beads.

    python -m benchmarks.psf

The images are made by code: a Gaussian PSF of 0.3 micrometre along Y and X and 0.8 along Z,
pixels of 0.1 and planes of 0.2, beads at fractions of a pixel, a fifth of them with a neighbour
3.6 pixels away, photon noise. Each row is the mean of several images.
"""

from __future__ import annotations

import numpy as np
from benchmarks.rows import show

from napari_dip import measure_psf
from tests.bead_images import apart, recorded, spots, true_width

SHAPES = {"plane": (200, 220), "stack": (33, 200, 220)}
# Name, photons of a bead in a plane, background, spacing of the beads [pixels], diameter.
CASES = (
    ("bright", 20_000, 30, 32, 0.0),
    ("dim", 2000, 30, 32, 0.0),
    ("in bright background", 20_000, 300, 32, 0.0),
    ("dense", 20_000, 30, 20, 0.0),
    ("of 0.2 µm, corrected", 20_000, 30, 40, 0.2),
)
IMAGES = 3


def measured(shape: tuple[int, ...], case: tuple, seed: int) -> dict[str, float]:
    """Return the numbers of beads, and the errors of the widths [per cent]."""
    _, light, background, spacing, diameter = case
    centres = apart(shape, spacing, seed)
    shift = np.zeros(len(shape))
    shift[-2:] = 3.0, 2.0
    centres = np.concatenate([centres, centres[: len(centres) // 5] + shift])
    photons = np.random.default_rng(seed).uniform(0.7, 1.3, len(centres)) * light
    photons *= 5 if len(shape) == 3 else 1  # a stack spreads the light over several planes
    image = recorded(spots(shape, centres, photons, diameter), background, seed)
    found = measure_psf(image, bead_diameter=diameter or None)
    errors = {axis: 100 * (found.fwhm[axis] / true_width(axis) - 1) for axis in found.psf.axes}
    return {"used": found.used, "refused": sum(found.refused.values()), **errors}


def main() -> None:
    for name, shape in SHAPES.items():
        for case in CASES:
            runs = [measured(shape, case, seed) for seed in range(IMAGES)]
            row = {"beads": case[0], "image": name}
            for key in ("used", "refused"):
                row[key] = float(np.mean([run[key] for run in runs]))
            for axis in "ZYX":
                errors = [abs(run[axis]) for run in runs if axis in run]
                row[axis] = max(errors) if errors else None
            show(row)


if __name__ == "__main__":
    main()
