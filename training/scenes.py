"""Scenes: clean images of many kinds, from 0 to about 1."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from training.fields import Plane, grating, log_uniform, points, power_law, texture

Scene = Callable[[np.random.Generator, int], Plane]


def _shape_distance(random: np.random.Generator, y: Plane, x: Plane, radius: float) -> Plane:
    """Distance to the border of an ellipse, a box or a polygon, positive inside."""
    angle = random.uniform(0, 2 * np.pi)
    a = y * np.cos(angle) + x * np.sin(angle)
    b = x * np.cos(angle) - y * np.sin(angle)
    kind = random.random()
    if kind < 0.55:
        ellipse: Plane = radius - np.hypot(a, b * random.uniform(1, 3))
        return ellipse
    if kind < 0.75:
        box: Plane = np.minimum(radius * random.uniform(0.15, 1) - np.abs(a), radius - np.abs(b))
        return box
    sides = [
        radius * random.uniform(0.4, 0.9) - (a * np.cos(turn) + b * np.sin(turn))
        for turn in np.sort(random.uniform(0, 2 * np.pi, random.integers(3, 7)))
    ]
    polygon: Plane = np.minimum.reduce([*sides, 2 * radius - np.hypot(a, b)])
    return polygon


def _radii(random: np.random.Generator, size: int, count: int) -> np.ndarray:
    """Radii with a power law, as of objects at any distance, largest first."""
    power = random.uniform(1, 3)
    low, high = random.uniform(1, 6) ** -power, (size * random.uniform(0.08, 0.45)) ** -power
    return np.sort((low + random.random(count) * (high - low)) ** (-1 / power))[::-1]


def _paint(
    random: np.random.Generator,
    canvas: Plane,
    radius: float,
    softness: float,
    value: Callable[[Plane, Plane, tuple[slice, slice]], Plane | float],
    *,
    add: bool,
) -> None:
    """Draw one shape at a random place of the canvas ([C,] Y, X), over it or added to it."""
    size = canvas.shape[-1]
    centre = random.uniform(-0.1, 1.1, 2) * size
    reach = int(2 * radius + softness) + 2
    first = np.maximum(centre.astype(int) - reach, 0)
    stop = np.minimum(centre.astype(int) + reach + 1, size)
    if (stop <= first).any():
        return
    where = (slice(first[0], stop[0]), slice(first[1], stop[1]))
    y = np.arange(first[0], stop[0], dtype=np.float32)[:, None] - np.float32(centre[0])
    x = np.arange(first[1], stop[1], dtype=np.float32)[None] - np.float32(centre[1])
    inside = np.clip(_shape_distance(random, y, x, radius) / softness + 0.5, 0, 1)
    drawn = value(y / radius, x / radius, where)
    part = canvas[(..., *where)]
    part += inside * (drawn if add else drawn - part)


def overlapping_shapes(
    random: np.random.Generator,
    size: int,
    colour: Callable[[], Plane | float],
    tint: Callable[[], Plane | float],
) -> Plane:
    """Shapes that cover one another, plain, shaded or textured, like objects in a photograph.

    Parameters
    ----------
    random : numpy.random.Generator
        Source of all random numbers.
    size : int
        Side of the image [pixels].
    colour : callable
        Draws the value of a shape: a number, or one for each channel as (C, 1, 1).
    tint : callable
        Draws the factor of a texture, as for `colour`.

    Returns
    -------
    ([C,] size, size) float32
        Image on an arbitrary scale.
    """
    canvas: Plane = np.zeros((size, size), np.float32) + colour()
    if random.random() < 0.5:
        canvas += random.uniform(0, 1.2) * texture(random, size) * tint()
    textures = [texture(random, size) * tint() for _ in range(random.integers(1, 4))]
    strength = random.uniform(0, 1.6) * (random.random() < 0.75)

    def value(y: Plane, x: Plane, where: tuple[slice, slice]) -> Plane | float:
        drawn = colour()
        if random.random() < 0.35:
            drawn = drawn + random.uniform(-0.4, 0.4) * y + random.uniform(-0.4, 0.4) * x
        if strength:
            drawn = drawn + strength * textures[random.integers(len(textures))][(..., *where)]
        return drawn

    for radius in _radii(random, size, int(log_uniform(random, 15, 350))):
        _paint(random, canvas, radius, random.choice([1.0, 1.0, 2.0]), value, add=False)
    return canvas


def dead_leaves(random: np.random.Generator, size: int) -> Plane:
    """Overlapping shapes in grey."""
    return overlapping_shapes(random, size, lambda: random.uniform(0, 1), lambda: 1.0)


def nuclei(random: np.random.Generator, size: int) -> Plane:
    """Bright, soft shapes on a dark background, with texture inside, as in fluorescence."""
    canvas = np.zeros((size, size), np.float32)
    inner = texture(random, size)
    strength = random.uniform(0, 2) * (random.random() < 0.8)
    softness = random.uniform(1, 5)

    def value(y: Plane, x: Plane, where: tuple[slice, slice]) -> Plane | float:
        drawn: Plane = random.uniform(0.2, 1) * np.clip(1 + strength * inner[where], 0.1, None)
        return drawn

    for radius in _radii(random, size, int(log_uniform(random, 4, 120))):
        _paint(random, canvas, radius, softness, value, add=random.random() < 0.3)
    return canvas


def filaments(random: np.random.Generator, size: int) -> Plane:
    """Curved lines of varying brightness and width: fibres, microtubules, vessels."""
    total = np.zeros((size, size), np.float32)
    for _ in range(random.integers(1, 4)):
        count, length = int(log_uniform(random, 3, 90)), int(random.integers(60, 500))
        turns = random.normal(0, log_uniform(random, 0.002, 0.12), (count, length))
        parallel = random.random() < 0.5
        start = random.uniform(0, 2 * np.pi) + (
            random.normal(0, 0.3, count) if parallel else random.uniform(0, 2 * np.pi, count)
        )
        heading = start[:, None] + np.cumsum(turns + 0.1 * np.cumsum(turns, 1), 1)
        y = random.uniform(-0.1, 1.1, count)[:, None] * size + np.cumsum(np.sin(heading), 1)
        x = random.uniform(-0.1, 1.1, count)[:, None] * size + np.cumsum(np.cos(heading), 1)
        bright = np.exp(random.normal(0, random.uniform(0.1, 0.8), count))[:, None]
        bright = np.broadcast_to(bright, y.shape).copy()
        if random.random() < 0.3:  # beads along the line
            bright *= 1 + 0.8 * np.sin(np.arange(length) * random.uniform(0.05, 1))
        drawn = np.histogram2d(
            y.ravel() + random.uniform(-0.5, 0.5, y.size),
            x.ravel() + random.uniform(-0.5, 0.5, x.size),
            bins=size,
            range=((0, size), (0, size)),
            weights=bright.ravel(),
        )[0]
        width = log_uniform(random, 0.5, 4)
        blurred = ndimage.gaussian_filter(drawn.astype(np.float32), width) * width * 2
        if random.random() < 0.4:
            blurred = 1 - np.exp(-blurred * random.uniform(0.5, 3))
        total += blurred * random.uniform(0.2, 1)
    return total


def spots(random: np.random.Generator, size: int) -> Plane:
    """Puncta of one or more widths, single or crowded."""
    total = np.zeros((size, size), np.float32)
    for _ in range(random.integers(1, 4)):
        width = log_uniform(random, 0.5, 7)
        scattered = points(random, size, int(log_uniform(random, 3, 1500)))
        total += ndimage.gaussian_filter(scattered, width) * width**2 * random.uniform(1, 6)
    return total


def cells(random: np.random.Generator, size: int) -> Plane:
    """Cells that touch: membranes, filled interiors, or both, as in tissue and in EM."""
    y, x = np.mgrid[:size, :size].astype(np.float32)
    wobble = random.uniform(0, 6)
    place = np.stack(
        [y + wobble * power_law(random, size, 1.7), x + wobble * power_law(random, size, 1.7)], -1
    ).reshape(-1, 2)
    count = int(log_uniform(random, 8, 400))
    distance, nearest = cKDTree(random.uniform(-0.1, 1.1, (count, 2)) * size).query(place, 2)
    gap = (distance[:, 1] - distance[:, 0]).reshape(size, size)
    membrane = np.exp(-((gap / random.uniform(0.8, 5)) ** 2))
    interior = random.random(count)[nearest[:, 0]].reshape(size, size)
    filled = random.uniform(0, 1) * (random.random() < 0.7)
    inner = random.uniform(0, 1.5) * texture(random, size) * (random.random() < 0.7)
    tissue: Plane = random.uniform(-1, 1) * membrane + filled * interior + inner
    return tissue.astype(np.float32)


def glyphs(random: np.random.Generator, size: int) -> Plane:
    """Rows of small strokes with sharp edges, like text, circuits or line charts."""
    canvas = np.full((size, size), 1.0, np.float32)
    height = int(random.integers(5, 18))
    stroke = max(1, height // 6)
    for top in range(int(random.integers(0, height)), size - height, int(height * 1.6)):
        left = int(random.integers(0, 2 * height))
        while left < size - height:
            for _ in range(random.integers(1, 5)):
                a = random.integers(0, height - stroke + 1)
                if random.random() < 0.5:
                    canvas[top : top + height, left + a // 2 : left + a // 2 + stroke] = 0
                else:
                    canvas[top + a : top + a + stroke, left : left + height // 2 + 1] = 0
            left += int(height * random.uniform(0.7, 1.4))
    if random.random() < 0.5:
        canvas = ndimage.gaussian_filter(canvas, random.uniform(0.3, 1))
    return random.uniform(0.3, 1) * canvas + 0.3 * texture(random, size) * (random.random() < 0.5)


def field(random: np.random.Generator, size: int) -> Plane:
    """Structure without objects: clouds, tissue, surfaces."""
    made = power_law(random, size)
    if random.random() < 0.4:
        made = np.exp(made * random.uniform(0.2, 1))
    return (made + random.uniform(0, 2) * texture(random, size)).astype(np.float32)


def lattice(random: np.random.Generator, size: int) -> Plane:
    """Gratings of one or two kinds in regions."""
    share = np.clip(power_law(random, size, 1.8) * random.uniform(1, 20) + 0.5, 0, 1)
    mixed: Plane = share * grating(random, size) + (1 - share) * texture(random, size)
    return mixed


# Each kind, and how often it is drawn.
SCENES: dict[Scene, float] = {
    dead_leaves: 0.34,
    filaments: 0.14,
    nuclei: 0.12,
    spots: 0.10,
    cells: 0.12,
    field: 0.09,
    lattice: 0.05,
    glyphs: 0.04,
}


def to_unit_range(scene: Plane) -> Plane:
    """Map the bulk of the values to 0 to 1; a few stay outside."""
    low, high = np.percentile(scene, (0.1, 99.9))
    scaled: Plane = np.clip((scene - low) / (high - low + 1e-9), -0.1, 1.3)
    return scaled


def make_scene(random: np.random.Generator, size: int) -> Plane:
    """Return one clean image, 0 to about 1.5, often of two kinds, as (size, size) float32."""
    kinds, weights = list(SCENES), np.array(list(SCENES.values()))

    def one() -> Plane:
        kind = kinds[random.choice(len(kinds), p=weights / weights.sum())]
        return to_unit_range(kind(random, size)).astype(np.float32)

    scene = one()
    mixture = random.random()
    if mixture < 0.10:
        scene = scene * random.uniform(0.3, 1) + one() * random.uniform(0.1, 1)
    elif mixture < 0.16:
        scene = np.maximum(scene, one())
    elif mixture < 0.22:
        share = np.clip(power_law(random, size, 1.8) * random.uniform(1, 20) + 0.5, 0, 1)
        scene = share * scene + (1 - share) * one()
    elif mixture < 0.28:
        scene = scene * (0.2 + one())
    if random.random() < 0.25:  # shading, haze
        scene = scene + scene.std() * random.uniform(0.1, 1) * power_law(random, size, 2.2)
    if random.random() < 0.2:  # light from out of focus
        scene = scene + random.uniform(0.1, 0.7) * ndimage.gaussian_filter(
            scene, random.uniform(3, 15)
        )
    if random.random() < 0.6:  # the blur of a lens
        scene = ndimage.gaussian_filter(scene, random.uniform(0.3, 2.0) * random.random() ** 0.5)
    scene = np.clip(to_unit_range(scene).astype(np.float32), 0, None)
    curved: Plane = scene ** np.exp(random.normal(0, 0.4))
    return np.minimum(curved, 1.5).astype(np.float32)
