"""Writing of TIFF files: order of axes, description and units."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tifffile

from napari_dip.core.image.image import Image
from napari_dip.io import images as io
from tests.tiny import small_image


@pytest.mark.parametrize("axes", ["XY", "YXC", "ZXY"])
def test_writes_unusual_orders_of_axes_in_the_usual_order(tmp_path, axes):
    image = small_image(axes)
    io.write_image(tmp_path / "a.ome.tif", image)
    back = io.read_image(tmp_path / "a.ome.tif")
    order = [axes.index(axis) for axis in back.axes]
    np.testing.assert_array_equal(back.data, image.data.transpose(order))


@pytest.mark.parametrize("suffix", [".tif", ".ome.tif"])
def test_writes_the_description(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    io.write_image(path, small_image(), description=json.dumps({"schema": 1}))
    with tifffile.TiffFile(path) as file:
        text = file.ome_metadata if file.is_ome else file.imagej_metadata["Info"]
    assert "schema" in text


@pytest.mark.parametrize(("axis", "unit"), [("X", "1/nm"), ("T", "cycles"), ("X", "second")])
def test_omits_unit_that_ome_does_not_define(tmp_path, axis, unit):
    image = Image(np.zeros((2, 8, 8), np.uint8), "TYX", {axis: 0.5}, {axis: unit})
    io.write_image(tmp_path / "a.ome.tif", image)
    with tifffile.TiffFile(tmp_path / "a.ome.tif") as file:
        assert unit not in file.ome_metadata
    assert dict(io.read_image(tmp_path / "a.ome.tif").voxel_size) == {}


def test_writes_imagej_spacing_in_the_unit_of_pixels(tmp_path):
    units = {"Z": "nanometer", "Y": "micrometer", "X": "micrometer", "T": "minute"}
    sizes = {"Z": 300.0, "Y": 0.1, "X": 0.1, "T": 2.0}
    io.write_image(
        tmp_path / "a.tif", Image(np.zeros((2, 3, 8, 8), np.uint8), "TZYX", sizes, units)
    )
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert file.imagej_metadata["spacing"] == pytest.approx(0.3)
        assert file.imagej_metadata["finterval"] == 120
