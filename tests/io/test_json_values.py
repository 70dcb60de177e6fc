"""Conversion of values to those that JSON supports."""

from __future__ import annotations

import json

import numpy as np

from napari_dip.io.json_values import json_values


def test_replaces_infinity_nan_and_tuples_at_any_depth():
    values = {"psnr": float("inf"), "blocks": ({"loss": float("nan")}, (1, 2.5)), "task": "denoise"}
    converted = json_values(values)
    assert converted == {"psnr": None, "blocks": [{"loss": None}, [1, 2.5]], "task": "denoise"}
    assert json.loads(json.dumps(converted, allow_nan=False)) == converted


def test_numpy_infinity_becomes_null():
    assert json_values([np.float64(np.inf), np.float64(1.5)]) == [None, 1.5]
