"""Examples: slices of the planes, degraded along one lateral axis as the stack is along z."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_dip.core.fitting.axial.interpolation import interpolate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_dip.core.operators.downsample import Downsample

# Fewest planes of a stack: fewer do not show how similar neighbouring planes are.
LEAST_PLANES = 8
# Fewest and most coarse rows of an example.
_LEAST_ROWS, _MOST_ROWS = 4, 24
# Columns of an example, and columns beside a held-out square that the network sees.
_COLUMNS, _MARGIN = 48, 8
# Side of a held-out square, one in each quarter of the planes, relative to the smaller side.
_SQUARE = 1 / 6
# A larger step must fit this many times better than a smaller one.
_CLOSE = 2.0
# Variance of a stack over that of its noise from which on planes can be compared.
_STRUCTURE = 1.2
# Most planes of which held-out squares are assessed.
_PLANES = 48
# Examples that show only noise, to measure the error that noise causes.
_SIMULATED = 32


@dataclass(frozen=True, slots=True)
class Batch:
    """Examples that the network is fitted to, or assessed with.

    Attributes
    ----------
    coarse : (N, H, X) array
        Coarse rows.
    cubic : (N, F, X) array
        Their cubic interpolation.
    truth : (N, F, X) array
        Fine rows.
    weight : (N, F, X) array
        1 where an example counts, else 0.
    """

    coarse: NDArray[np.float32]
    cubic: NDArray[np.float32]
    truth: NDArray[np.float32]
    weight: NDArray[np.float32]


class _View(NamedTuple):
    """Planes (P, rows, columns), and their pixels for the fit and for its assessment."""

    planes: NDArray[np.float32]
    fitted: NDArray[np.bool_]
    held_out: NDArray[np.bool_]

    def turned(self) -> _View:
        """Return the planes with columns as rows."""
        return _View(
            self.planes.swapaxes(1, 2), self.fitted.swapaxes(1, 2), self.held_out.swapaxes(1, 2)
        )


class LateralExamples:
    """Pairs of coarse and fine rows, made from the planes along Y and along X.

    The filter removes noise from an example, so noise is added to its coarse rows: they then
    have as much as the planes of the stack.

    Parameters
    ----------
    planes : (P, Y, X) array
        Observed planes in network units, with any finite value where they are not valid.
    valid : (P, Y, X) bool array
        True at observed pixels.
    variance : float
        Mean noise variance.
    operator : Downsample
        Operator of slices, from fine to coarse rows.
    step : int
        Number of pixels of a plane that correspond to one fine row.
    random : Generator
        Source of random numbers.
    """

    def __init__(
        self,
        planes: NDArray[np.float32],
        valid: NDArray[np.bool_],
        variance: float,
        operator: Downsample,
        step: int,
        random: np.random.Generator,
    ) -> None:
        self._operator, self._step, self._random = operator, step, random
        self.factor = operator.factors[0]
        size = planes.shape[1:]
        self.rows = min(min(size) // (self.factor * step), _MOST_ROWS)
        self.squares = _squares(size, random)
        held_out = np.zeros(size, bool)
        for square in self.squares:
            held_out[square] = True
        view = _View(planes, valid & ~held_out, valid & held_out)
        # Rows along Y, then rows along X.
        self._views = view, view.turned()
        self._variance = variance
        added = variance * max(1 - operator.power(0) / step, 0.0)
        self._added = np.float32(np.sqrt(added))

    @property
    def noise(self) -> float:
        """Mean squared error of the cubic interpolation of examples that show only noise."""
        shape = (_SIMULATED, self.rows * self.factor * self._step, _COLUMNS)
        planes = self._random.standard_normal(shape, np.float32) * np.sqrt(self._variance)
        batch = self._batch(planes, np.ones(shape, bool))
        return float(np.square(batch.truth - batch.cubic).mean(dtype=float))

    @property
    def possible(self) -> bool:
        """Whether the planes are large enough for examples."""
        return bool(self.rows >= _LEAST_ROWS)

    def draw(self, count: int) -> Batch:
        """Return random examples without the held-out squares."""
        random, length = self._random, self.rows * self.factor * self._step
        planes, fitted, _ = self._views[random.integers(2)]
        count_of_planes, height, width = planes.shape
        columns = min(_COLUMNS, width)
        truths, weights = [], []
        for _ in range(count):
            plane = random.integers(count_of_planes)
            row, column = random.integers(height - length + 1), random.integers(width - columns + 1)
            at = plane, slice(row, row + length), slice(column, column + columns)
            flip = tuple(slice(None, None, step) for step in random.choice([1, -1], size=2))
            truths.append(planes[at][flip])
            weights.append(fitted[at][flip])
        return self._batch(np.stack(truths), np.stack(weights))

    def heldout(self) -> Iterator[tuple[int, Batch]]:
        """Yield the number of each held-out square and its examples, one for each plane."""
        length = self.rows * self.factor * self._step
        for number, square in enumerate(self.squares):
            for swap, (planes, _, held_out) in enumerate(self._views):
                rows, columns = square[::-1] if swap else square
                chosen = np.unique(np.linspace(0, len(planes) - 1, _PLANES).round().astype(int))
                middle = (rows.start + rows.stop) // 2
                first = int(np.clip(middle - length // 2, 0, planes.shape[1] - length))
                left, right = max(columns.start - _MARGIN, 0), columns.stop + _MARGIN
                at = chosen, slice(first, first + length), slice(left, right)
                yield number, self._batch(planes[at], held_out[at])

    def _batch(
        self,
        planes: NDArray[np.float32],
        weight: NDArray[np.bool_],
    ) -> Batch:
        """Return examples of planes (N, L, X), whose coarse rows have the noise of the stack."""
        truth = self._means(planes)
        known = self._means(weight.astype(np.float32)) > 1 - 1e-3
        coarse = self._operator(torch.from_numpy(truth)[:, None])[:, 0].numpy()
        coarse += self._added * self._random.standard_normal(coarse.shape, np.float32)
        return Batch(coarse, interpolate(coarse, self.factor), truth, known.astype(np.float32))

    def _means(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the mean of every `step` rows of (N, L, X)."""
        count, length, columns = rows.shape
        grouped = rows.reshape(count, length // self._step, self._step, columns)
        return np.ascontiguousarray(grouped.mean(axis=2, dtype=np.float32))


def find_step(stack: NDArray[np.float32], operator: Downsample, most: float, noise: float) -> int:
    """Return how many pixels of a plane correspond to one fine row.

    With this step, neighbouring coarse rows of a plane are as similar as neighbouring planes of
    the stack: the blur of the optics along z counts, not only the spacing of the planes.

    Parameters
    ----------
    stack : (Z, Y, X) array
        Observed planes.
    operator : Downsample
        Operator of slices, from fine to coarse rows.
    most : float
        Largest step, such as the spacing of fine rows in pixels; infinite if it is not known.
    noise : float
        Variance of the noise.

    Examples
    --------
    >>> from napari_dip.core.operators.downsample import Downsample
    >>> z, y, x = np.mgrid[:8, :64, :64].astype(np.float32)
    >>> waves = np.sin(z) * np.sin(y / 8) * np.sin(x / 8)
    >>> find_step(waves, Downsample((4, 1), "box"), np.inf, 0.0)
    2
    """
    factor = operator.factors[0]
    longest = min(stack.shape[1:]) // (_LEAST_ROWS * factor)
    steps = range(1, int(min(longest, max(round(most), 1) if np.isfinite(most) else longest)) + 1)
    is_noise = float(stack.var(dtype=float)) < _STRUCTURE * noise
    if len(steps) < 2 or is_noise:
        return 1
    target = _similarity(stack.swapaxes(0, 1), noise)
    distances = []
    for step in steps:
        averaged = noise * operator.power(0) / step
        found = [
            _similarity(_coarse(view, operator, step), averaged)
            for view in (stack, stack.swapaxes(1, 2))
        ]
        distances.append(abs(float(np.mean(found)) - target))
    close = np.array(distances) <= _CLOSE * min(distances)
    return steps[int(np.argmax(close))]


def _coarse(planes: NDArray[np.float32], operator: Downsample, step: int) -> NDArray[np.float32]:
    """Return the coarse rows (P, H, X) of planes (P, Y, X)."""
    length = planes.shape[1] // (operator.factors[0] * step) * operator.factors[0]
    rows = planes[:, : length * step].reshape(len(planes), length, step, -1)
    fine = np.ascontiguousarray(rows.mean(axis=2, dtype=np.float32))
    return operator(torch.from_numpy(fine)[:, None])[:, 0].numpy()


def _similarity(slices: NDArray[np.float32], noise: float) -> float:
    """Return the correlation of neighbouring rows of (N, H, X), without noise."""
    centred = slices.astype(np.float64) - slices.mean()
    power = max(float(np.square(centred).mean()) - noise, 1e-12)
    return float((centred[:, 1:] * centred[:, :-1]).mean() / power)


def to_tensor(array: NDArray[np.float32], device: torch.device) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array)).to(device)


def _squares(size: tuple[int, ...], random: np.random.Generator) -> list[tuple[slice, slice]]:
    """Return a square at a random place of each quarter of a plane."""
    side = max(round(_SQUARE * min(size)), 1)
    halves = [n // 2 for n in size]
    squares = []
    for quarter in np.ndindex(2, 2):
        starts = [
            half * at + int(random.integers(max(half - side, 0) + 1))
            for at, half in zip(quarter, halves, strict=True)
        ]
        squares.append((slice(starts[0], starts[0] + side), slice(starts[1], starts[1] + side)))
    return squares
