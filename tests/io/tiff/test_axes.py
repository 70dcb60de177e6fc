"""Axes that a TIFF file does not name."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

from napari_dip.errors import AxesError
from napari_dip.io import images as io


def test_asks_for_unknown_axes(tmp_path):
    tifffile.imwrite(
        tmp_path / "a.tif",
        np.zeros((2, 4, 8, 9), np.uint16),
        photometric="minisblack",
        metadata={"axes": "PHYX"},
    )
    with pytest.raises(AxesError, match="Name the axes"):
        io.read_image(tmp_path / "a.tif")


def test_assumes_unnamed_axes_with_a_warning(tmp_path):
    values = np.arange(2 * 5 * 8 * 8, dtype=np.uint16).reshape(2, 5, 8, 8)
    tifffile.imwrite(tmp_path / "a.tif", values)
    image = io.read_image(tmp_path / "a.tif")
    assert image.axes == "TZYX"
    np.testing.assert_array_equal(image.data, values)
    (warning,) = image.warnings
    assert "TZYX is assumed" in warning
    named = io.read_image(tmp_path / "a.tif", "CZYX")
    assert (named.axes, named.warnings) == ("CZYX", ())


def test_keeps_colours_if_other_axes_are_assumed(tmp_path):
    values = np.zeros((2, 5, 8, 8, 3), np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="rgb")
    image = io.read_image(tmp_path / "a.tif")
    assert (image.axes, image.shape) == ("TZYXS", values.shape)


def test_reads_unknown_axes_if_the_user_names_them(tmp_path):
    values = np.zeros((2, 4, 8, 9), np.uint16)
    tifffile.imwrite(
        tmp_path / "a.tif", values, photometric="minisblack", metadata={"axes": "PHYX"}
    )
    assert io.read_image(tmp_path / "a.tif", "TZYX").axes == "TZYX"
