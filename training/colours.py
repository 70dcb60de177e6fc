"""Colour scenes: clean images of three channels of many kinds, from 0 to about 1."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from training.fields import Plane, log_uniform, power_law
from training.scenes import Scene, make_scene, overlapping_shapes, to_unit_range


def coloured_leaves(random: np.random.Generator, size: int) -> Plane:
    """Overlapping shapes in colour, pale or vivid, like a photograph."""
    chroma = log_uniform(random, 0.02, 0.4)

    def colour() -> Plane:
        drawn = random.uniform(0, 1) + chroma * random.standard_normal(3)
        return drawn.astype(np.float32)[:, None, None]

    def tint() -> Plane:
        drawn = 1 + random.uniform(0, 0.5) * random.standard_normal(3)
        return drawn.astype(np.float32)[:, None, None]

    return overlapping_shapes(random, size, colour, tint)


def stained_tissue(random: np.random.Generator, size: int) -> Plane:
    """One to three stains that absorb light, each with its spectrum, as in histology."""
    density = np.zeros((3, size, size))
    for _ in range(random.integers(1, 4)):
        stain = make_scene(random, size) * random.uniform(0.3, 1.5)
        density += stain * random.uniform(0.1, 1, 3)[:, None, None]
    return np.exp(-density)


def fluorescent_dyes(random: np.random.Generator, size: int) -> Plane:
    """One to three dyes that emit light, each with its colour, as in fluorescence."""
    light = np.zeros((3, size, size))
    for _ in range(random.integers(1, 4)):
        light += make_scene(random, size) * random.dirichlet([0.5] * 3)[:, None, None]
    return light


def false_colours(random: np.random.Generator, size: int) -> Plane:
    """A grey scene, shown with a random colour map."""
    grey = make_scene(random, size)
    knots = int(random.integers(2, 6))
    ramp = np.linspace(0, 1, knots)[:, None]
    colours = ramp + random.uniform(0.05, 0.5) * random.standard_normal((knots, 3))
    colours = np.clip(colours, -0.1, 1.2)
    places = np.linspace(0, 1.2, knots)
    return np.stack([np.interp(grey, places, channel) for channel in colours.T])


# Each kind, and how often it is drawn.
COLOUR_SCENES: dict[Scene, float] = {
    coloured_leaves: 0.55,
    stained_tissue: 0.15,
    fluorescent_dyes: 0.12,
    false_colours: 0.18,
}


def make_colour_scene(random: np.random.Generator, size: int) -> Plane:
    """Return one clean image, 0 to 1.5, sometimes of two kinds, as (3, size, size)."""
    kinds, weights = list(COLOUR_SCENES), np.array(list(COLOUR_SCENES.values()))

    def one() -> Plane:
        kind = kinds[random.choice(len(kinds), p=weights / weights.sum())]
        return to_unit_range(kind(random, size))

    scene = one()
    mixture = random.random()
    if mixture < 0.08:
        scene = scene * random.uniform(0.3, 1) + one() * random.uniform(0.1, 1)
    elif mixture < 0.16:
        share = np.clip(power_law(random, size, 1.8) * random.uniform(1, 20) + 0.5, 0, 1)
        scene = share * scene + (1 - share) * one()
    if random.random() < 0.25:  # shading
        scene = scene * (1 + random.uniform(0.1, 0.5) * power_law(random, size, 2.2))
    if random.random() < 0.6:  # the blur of a lens
        blur = random.uniform(0.3, 2) * random.random() ** 0.5
        scene = ndimage.gaussian_filter(scene, (0, blur, blur))
    curved: Plane = np.clip(to_unit_range(scene), 0, None) ** np.exp(random.normal(0, 0.4))
    return np.minimum(curved, 1.5)
