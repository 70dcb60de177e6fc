"""Test cards: small structures of known contrast, each in a cell of its own, and pure noise."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float64]
CELL = 32
_Y, _X = np.mgrid[:CELL, :CELL]
# A frame around each structure separates it from its neighbours [pixels].
_FRAME = 4
_INSIDE = (np.minimum(_Y, _X) >= _FRAME) & (np.maximum(_Y, _X) < CELL - _FRAME)
# Strokes of 1 pixel, 5 x 3 pixels a letter.
_TEXT = """
#.#.###.#...#...###
#.#.#...#...#...#.#
###.##..#...#...#.#
#.#.#...#...#...#.#
#.#.###.###.###.###
"""


def _grating(period: int, turned: bool = False) -> Plane:
    position = _Y if turned else _X
    return (position % period < period / 2).astype(float)


def _line_pairs() -> Plane:
    """Return pairs of lines of 1 pixel, 1, 2 and 3 pixels apart."""
    lines = np.zeros((CELL, CELL))
    for first, gap in ((5, 1), (12, 2), (20, 3)):
        lines[:, [first, first + gap + 1]] = 1
    return lines


def _spots(size: int, step: int = 7) -> Plane:
    """Return squares of `size` x `size` pixels, `step` pixels apart."""
    return ((_Y % step < size) & (_X % step < size)).astype(float)


def _puncta(deviation: float) -> Plane:
    """Return Gaussian spots with this standard deviation [pixels]."""
    distance = (_Y % 8 - 3.5) ** 2 + (_X % 8 - 3.5) ** 2
    spots: Plane = np.exp(-distance / 2 / deviation**2)
    return spots / spots.max()


def _text() -> Plane:
    letters = np.array([[mark == "#" for mark in line] for line in _TEXT.split()], float)
    text = np.zeros((CELL, CELL))
    for row in (5, 13, 21):
        text[row : row + 5, 6:25] = letters
    return text


def _rings() -> Plane:
    return (np.hypot(_Y - 15.5, _X - 15.5) % 5 < 1.5).astype(float)


STRUCTURES: dict[str, Callable[[], Plane]] = {
    "grating of 2 pixels": lambda: _grating(2),
    "grating of 4 pixels": lambda: _grating(4, turned=True),
    "grating of 8 pixels": lambda: _grating(8),
    "line pairs": _line_pairs,
    "single pixels": lambda: _spots(1),
    "spots of 2 pixels": lambda: _spots(2),
    "spots of 3 pixels": lambda: _spots(3),
    "puncta": lambda: _puncta(1.0),
    "text": _text,
    "checkerboard": lambda: ((_Y + _X) % 2).astype(float),
    "checkerboard of 3 pixels": lambda: ((_Y // 3 + _X // 3) % 2).astype(float),
    "rings": _rings,
}


def card(names: list[str], size: int) -> Plane:
    """Return structures from 0 to 1, row by row in cells; cells that remain are empty."""
    columns = size // CELL
    picture = np.zeros((size, size))
    for index, name in enumerate(names):
        picture[cell(index, columns)] = STRUCTURES[name]() * _INSIDE
    return picture


def cell(index: int, columns: int) -> tuple[slice, slice]:
    """Return the pixels of a cell."""
    row, column = divmod(index, columns)
    return (
        slice(row * CELL, (row + 1) * CELL),
        slice(column * CELL, (column + 1) * CELL),
    )


def contrast(estimate: Plane, structure: Plane) -> float:
    """Return the contrast of a structure in an estimate, relative to its true one.

    Both are cells; the result is the slope of the estimate over the structure.
    """
    inside = structure[_INSIDE] - structure[_INSIDE].mean()
    shown = estimate[_INSIDE] - estimate[_INSIDE].mean()
    return float((inside * shown).sum() / (inside**2).sum())
