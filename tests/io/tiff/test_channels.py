"""Names, colours and position of TIFF files, read and written back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tifffile

from napari_dip.core.image.image import Image
from napari_dip.io import images as io

MICROMETERS = dict.fromkeys("ZYX", "micrometer")


def stack(axes="CYX", **details):
    shape = tuple({"T": 2, "Z": 3, "C": 2}.get(axis, 8) for axis in axes)
    return Image(np.zeros(shape, np.uint16), axes, **details)


@pytest.mark.parametrize("suffix", [".ome.tif", ".tif"])
@pytest.mark.parametrize("axes", ["CYX", "TZCYX", "ZCYX"])
def test_keeps_channel_names(tmp_path, suffix, axes):
    names = ("DAPI & Hoechst", "GFP <488>")
    io.write_image(tmp_path / f"a{suffix}", stack(axes, channel_names=names))
    assert io.read_image(tmp_path / f"a{suffix}").channel_names == names


@pytest.mark.parametrize("colours", [("0000FF", "FF8000"), ("FFFFFF", "000000")])
def test_ome_tiff_keeps_channel_colours(tmp_path, colours):
    io.write_image(tmp_path / "a.ome.tif", stack(channel_colours=colours))
    assert io.read_image(tmp_path / "a.ome.tif").channel_colours == colours


@pytest.mark.parametrize("suffix", [".ome.tif", ".tif"])
def test_channels_without_names_get_none(tmp_path, suffix):
    io.write_image(tmp_path / f"a{suffix}", stack())
    back = io.read_image(tmp_path / f"a{suffix}")
    assert (back.channel_names, back.channel_colours) == ((), ())


def test_slice_labels_that_differ_are_no_channel_names(tmp_path):
    labels = [f"slice {n}" for n in range(6)]
    tifffile.imwrite(
        tmp_path / "a.tif",
        np.zeros((3, 2, 8, 8), np.uint16),
        imagej=True,
        metadata={"axes": "ZCYX", "Labels": labels},
    )
    assert io.read_image(tmp_path / "a.tif").channel_names == ()


def test_ome_tiff_keeps_the_position(tmp_path):
    image = stack(
        "ZCYX",
        voxel_size={"Z": 0.5, "Y": 0.1, "X": 0.1},
        units=MICROMETERS,
        position={"Z": 4.0, "Y": -240.0, "X": 120.0},
    )
    io.write_image(tmp_path / "a.ome.tif", image)
    assert dict(io.read_image(tmp_path / "a.ome.tif").position) == image.position
    with tifffile.TiffFile(tmp_path / "a.ome.tif") as file:
        planes = tifffile.xml2dict(file.ome_metadata)["OME"]["Image"]["Pixels"]["Plane"]
    assert [plane["PositionZ"] for plane in planes if plane["TheC"] == 0] == [4.0, 4.5, 5.0]


@pytest.mark.parametrize(("unit", "position"), [("mm", {"X": 120.0}), ("reference frame", {})])
def test_reads_position_in_the_unit_of_the_voxel_size(tmp_path, unit, position):
    metadata = {
        "axes": "YX",
        "PhysicalSizeX": 0.1,
        "PhysicalSizeXUnit": "µm",
        "Plane": {"PositionX": [0.12], "PositionXUnit": [unit]},
    }
    tifffile.imwrite(
        tmp_path / "a.ome.tif", np.zeros((8, 8), np.uint16), ome=True, metadata=metadata
    )
    assert dict(io.read_image(tmp_path / "a.ome.tif").position) == pytest.approx(position)


def test_drops_channel_names_if_the_user_renames_the_axis(tmp_path):
    io.write_image(tmp_path / "a.ome.tif", stack(channel_names=("DAPI", "GFP")))
    image = io.read_image(tmp_path / "a.ome.tif", "ZYX")
    assert image.channel_names == ()
    io.write_image(tmp_path / "b.ome.tif", replace(image, axes="TYX"))
    assert io.read_image(tmp_path / "b.ome.tif").axes == "TYX"
