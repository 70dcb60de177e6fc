"""Invalid images, masks, PSFs and guides, by the name of their defect."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_dip.errors import NapariDipError
from napari_dip.io import images as io

SHAPE = (24, 20)
BASE = np.random.default_rng(0).normal(100, 10, SHAPE)
HOLE = np.zeros(SHAPE, bool)
HOLE[4:8, 5:9] = True
Y, X = np.mgrid[-5:6, -5:6]
PSF = np.exp(-(Y**2 + X**2) / 8)

IMAGES = {
    "empty": np.zeros((0, 5)),
    "a line": np.arange(3.0),
    "complex": np.zeros((4, 4), complex),
    "objects": np.zeros((4, 4), object),
    "structured": np.zeros((4, 4), [("a", int)]),
    "dates": np.zeros((4, 4), "M8[s]"),
    "six axes": np.zeros((2,) * 6),
    "all NaN": np.full((8, 8), np.nan),
    "too large": BASE * 1e300,
    "too small": BASE * 1e-300,
    "subnormal in float32": BASE * 1e-42,
    "differences lost in float32": BASE + 1e10,
}

MASKS = {
    "nothing painted": np.zeros(SHAPE),
    "all painted": np.ones(SHAPE),
    "cropped": HOLE[:9],
    "transposed": HOLE.T,
    "of another scale": np.kron(HOLE, np.ones((2, 2))),
    "empty": np.zeros((0, 0)),
    "complex": HOLE + 0j,
}

PSFS = {
    "zero": PSF * 0,
    "a filter": np.array([[0, -1, 0], [-1, 4, -1], [0, -1, 0]]),
    "negative": -PSF,
    "NaN": np.where(PSF > 0.5, np.nan, PSF),
    "centre at the corners": np.fft.ifftshift(PSF),
    "centre at one corner": np.exp(-((Y + 5) ** 2 + (X + 5) ** 2) / 8),
    "a line": PSF[0],
    "four axes": np.zeros((2, 2, 5, 5)),
    "a volume, for a plane": np.stack([PSF] * 3),
    "larger than the image": np.ones((99, 99)),
    "complex": PSF + 1j,
    "empty": np.zeros((0, 0)),
}

GUIDES = {
    "cropped": BASE[:9],
    "NaN": np.where(HOLE, np.nan, BASE),
    "complex": BASE + 1j,
    "objects": BASE.astype(object),
}


def cases(invalid: dict[str, object], **others: object) -> list[Any]:
    """Return one pytest parameter per invalid value, with its name as id."""
    return [pytest.param(value, id=name) for name, value in {**invalid, **others}.items()]


def is_a_sentence(error: object) -> bool:
    """Return whether the text of an error is one line with "Got" and "expected"."""
    text = str(error)
    return text.startswith("Got") and "expected" in text and "\n" not in text


def assert_refused(path: Path) -> str:
    """Return the message of the error that reading a file raises."""
    with pytest.raises(NapariDipError, match="^Got") as caught:
        io.read_image(path)
    assert is_a_sentence(caught.value)
    return str(caught.value)
