"""Stacks of scenes: five adjacent planes of a volume, or frames of a film, from 0 to about 1."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from training.fields import Plane, log_uniform, power_law, texture
from training.scenes import Scene, make_scene, to_unit_range

# Number of planes of a stack; the one in the middle is the one to restore.
PLANES = 5
_MIDDLE = PLANES // 2
_DEPTHS = np.arange(PLANES) - _MIDDLE
# Distance of planes, in pixels of a plane.
_SPACING = (0.5, 8)


def moving_scene(random: np.random.Generator, size: int) -> Plane:
    """One to three layers that move, each with its speed, and bend, like frames of a film."""
    frames = _moved(random, make_scene(random, size))
    for _ in range(random.integers(0, 3)):
        layer = _moved(random, make_scene(random, size))
        if random.random() < 0.5:
            frames = frames + random.uniform(0.2, 1.5) * layer
        else:
            share = power_law(random, size, 1.8) * random.uniform(1, 20) + random.uniform(-1, 1)
            share = _moved(random, np.clip(share, 0, 1))
            frames = (1 - share) * frames + share * layer
    return frames


def changing_field(random: np.random.Generator, size: int) -> Plane:
    """Structure without objects that changes from plane to plane: tissue, clouds, labels."""
    fields = _changing(random, lambda: power_law(random, size, random.uniform(1, 2.4)))
    kind = random.random()
    if kind < 0.4:
        fields = np.tanh(fields * log_uniform(random, 1, 30))
    elif kind < 0.7:
        fields = np.exp(fields * random.uniform(0.3, 1.2))
    return fields + random.uniform(0, 1.5) * _changing(random, lambda: texture(random, size))


def ellipsoids(random: np.random.Generator, size: int) -> Plane:
    """Bright, soft bodies on a dark background, cut by the planes, as in fluorescence."""
    planes = np.zeros((PLANES, size, size), np.float32)
    spacing, softness = log_uniform(random, *_SPACING), random.uniform(1, 6)
    inner = _changing(random, lambda: texture(random, size))
    strength = random.uniform(0, 2) * (random.random() < 0.8)
    y, x = np.mgrid[:size, :size].astype(np.float32)
    for _ in range(int(log_uniform(random, 4, 90))):
        radius = log_uniform(random, 2, size * 0.25)
        depth = random.uniform(-1, 1) * (radius + spacing * _MIDDLE)
        centre, stretch = random.uniform(-0.1, 1.1, 2) * size, random.uniform(1, 2)
        angle, bright = random.uniform(0, np.pi), random.uniform(0.2, 1)
        reach = int(radius * stretch + softness) + 2
        where = tuple(slice(max(int(c) - reach, 0), max(int(c) + reach + 1, 0)) for c in centre)
        dy, dx = y[where] - np.float32(centre[0]), x[where] - np.float32(centre[1])
        along = (dy * np.cos(angle) + dx * np.sin(angle)) / stretch
        across = dx * np.cos(angle) - dy * np.sin(angle)
        for plane, texture_of, z in zip(planes, inner, _DEPTHS * spacing, strict=True):
            distance = radius - np.sqrt(along**2 + across**2 + (z - depth) ** 2)
            inside = np.clip(distance / softness + 0.5, 0, 1)
            drawn = bright * np.clip(1 + strength * texture_of[where], 0.1, None)
            part = plane[where]
            part += inside * (drawn - part * (random.random() < 0.7))
    return planes


def tissue(random: np.random.Generator, size: int) -> Plane:
    """Cells that fill the volume, with membranes, as in electron microscopy."""
    spacing = log_uniform(random, *_SPACING)
    y, x = np.mgrid[:size, :size].astype(np.float32)
    wobble = random.uniform(0, 6)
    bent = [y + wobble * power_law(random, size, 1.7), x + wobble * power_law(random, size, 1.7)]
    count = int(log_uniform(random, 30, 1500))
    thickness = PLANES * spacing + 0.3 * size
    seeds = random.uniform(-0.5, 0.5, (count, 3)) * (thickness, 1.2 * size, 1.2 * size)
    cells = cKDTree(seeds + np.array([0, size / 2, size / 2]))
    values = random.random(count)
    membranes, interiors = [], []
    for z in _DEPTHS * spacing:
        place = np.stack([np.full_like(y, z), *bent], -1).reshape(-1, 3)
        distance, nearest = cells.query(place, 2)
        membranes.append((distance[:, 1] - distance[:, 0]).reshape(size, size))
        interiors.append(values[nearest[:, 0]].reshape(size, size))
    width = random.uniform(0.8, 5)
    drawn: Plane = random.uniform(-1, 1) * np.exp(-((np.stack(membranes) / width) ** 2))
    drawn = drawn + random.uniform(0, 1) * (random.random() < 0.7) * np.stack(interiors)
    if random.random() < 0.7:
        inner = _changing(random, lambda: texture(random, size))
        drawn = drawn + random.uniform(0, 1.5) * inner
    return drawn


def fibres(random: np.random.Generator, size: int) -> Plane:
    """Curved lines through the planes: microtubules, vessels, axons."""
    count, length = int(log_uniform(random, 5, 120)), int(random.integers(60, 400))
    turns = random.normal(0, log_uniform(random, 0.002, 0.12), (count, length))
    heading = random.uniform(0, 2 * np.pi, count)[:, None] + np.cumsum(turns, 1)
    y = random.uniform(-0.1, 1.1, count)[:, None] * size + np.cumsum(np.sin(heading), 1)
    x = random.uniform(-0.1, 1.1, count)[:, None] * size + np.cumsum(np.cos(heading), 1)
    slope = random.normal(0, log_uniform(random, 0.002, 0.05), (count, 1))
    z = random.uniform(-4, 4, (count, 1)) + slope * np.arange(length)
    bright = np.exp(random.normal(0, random.uniform(0.1, 0.8), (count, 1)))
    focus, width = log_uniform(random, 0.5, 3), log_uniform(random, 0.6, 4)
    planes = []
    for depth in _DEPTHS:
        seen = bright * np.exp(-(((z - depth) / focus) ** 2))
        drawn = np.histogram2d(
            y.ravel(), x.ravel(), size, ((0, size), (0, size)), weights=seen.ravel()
        )[0]
        planes.append(ndimage.gaussian_filter(drawn.astype(np.float32), width) * width * 2)
    return np.stack(planes)


def out_of_focus(random: np.random.Generator, size: int) -> Plane:
    """Flat scenes at several depths, each blurred by its distance from the plane."""
    layers = [make_scene(random, size) for _ in range(random.integers(1, 4))]
    blur = log_uniform(random, 0.2, 3)
    planes = np.zeros((PLANES, size, size), np.float32)
    for layer in layers:
        depth = random.uniform(-3, 3)
        for plane, z in zip(planes, _DEPTHS, strict=True):
            plane += ndimage.gaussian_filter(layer, blur * abs(z - depth))
    return planes


# Each kind, and how often it is drawn.
STACKS: dict[Scene, float] = {
    moving_scene: 0.32,
    changing_field: 0.15,
    ellipsoids: 0.17,
    tissue: 0.16,
    fibres: 0.10,
    out_of_focus: 0.10,
}


def make_stack(random: np.random.Generator, size: int) -> Plane:
    """Return adjacent planes, 0 to 1.5, sometimes of two kinds, as (5, size, size) float32."""
    kinds, weights = list(STACKS), np.array(list(STACKS.values()))

    def one() -> Plane:
        kind = kinds[random.choice(len(kinds), p=weights / weights.sum())]
        return to_unit_range(kind(random, size)).astype(np.float32)

    stack = one()
    if random.random() < 0.15:
        stack = stack * random.uniform(0.3, 1) + one() * random.uniform(0.1, 1)
    if random.random() < 0.2:  # haze
        stack = stack + stack.std() * random.uniform(0.1, 1) * power_law(random, size, 2.2)
    if random.random() < 0.6:  # the blur of a lens
        blur = random.uniform(0.3, 2.0) * random.random() ** 0.5
        depth = random.uniform(0, 0.7) * (random.random() < 0.5)
        stack = ndimage.gaussian_filter(stack, (depth, blur, blur))
    stack = np.clip(to_unit_range(stack), 0, None)
    curved: Plane = stack ** np.exp(random.normal(0, 0.4))
    return np.minimum(curved, 1.5).astype(np.float32)


def _moved(random: np.random.Generator, scene: Plane) -> Plane:
    """Return frames of a scene that moves and bends; a quarter of the scenes stand still."""
    if random.random() < 0.25:
        return np.repeat(scene[None], PLANES, 0)
    size = len(scene)
    speed = log_uniform(random, 0.05, 5) * random.standard_normal((2, 1, 1))
    bend = np.zeros((2, size, size))
    if random.random() < 0.5:
        amount = log_uniform(random, 0.05, 3)
        bend = np.stack([amount * power_law(random, size, 2.2) for _ in range(2)])
    place = np.mgrid[:size, :size]
    frames = [
        scene
        if depth == 0
        else ndimage.map_coordinates(scene, place + depth * (speed + bend), order=3, mode="mirror")
        for depth in _DEPTHS
    ]
    return np.stack(frames).astype(np.float32)


def _changing(random: np.random.Generator, draw: Callable[[], Plane]) -> Plane:
    """Return fields whose neighbours are correlated, by chance weakly or nearly fully."""
    correlation = 1 - log_uniform(random, 0.005, 1)
    fields = [draw()]
    for _ in range(PLANES - 1):
        fields.append(correlation * fields[-1] + (1 - correlation**2) ** 0.5 * draw())
    return np.stack(fields)


def with_neighbours(random: np.random.Generator, stack: Plane) -> Plane:
    """Return the middle plane and its neighbours: one before, one behind, two before, two behind.

    Some neighbours are missing, replaced by others; some have another brightness; some, after a
    cut, show something else.

    Parameters
    ----------
    random : numpy.random.Generator
        Source of all random numbers.
    stack : (5, Y, X) array
        Adjacent planes.
    """
    planes: Plane = stack[[_MIDDLE, _MIDDLE - 1, _MIDDLE + 1, _MIDDLE - 2, _MIDDLE + 2]].copy()
    if random.random() < 0.3:  # bleaching, an unsteady lamp
        planes[1:] *= np.exp(random.normal(0, random.uniform(0, 0.3), (PLANES - 1, 1, 1)))
    if random.random() < 0.14:  # a cut, a dropped frame
        lost = planes[random.integers(1, 3) :: 2]
        lost[:] = lost[:, ::-1, ::-1] if random.random() < 0.7 else 0
    missing = random.random()
    if missing < 0.12:  # the ends of a stack
        first = random.integers(1, 3)
        planes[first::2] = planes[3 - first :: 2]
    elif missing < 0.2:
        planes[3 + random.integers(0, 2)] = planes[3 + random.integers(0, 2)]
    elif missing < 0.24:  # a stack of three planes
        planes[3:] = planes[1:3]
    elif missing < 0.26:  # of two
        planes[1:] = planes[1]
    return planes
