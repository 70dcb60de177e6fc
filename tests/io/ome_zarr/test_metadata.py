"""Metadata of OME-Zarr: versions, axes, transformations, units and channels."""

from __future__ import annotations

import numpy as np
import pytest
import zarr

from napari_dip.core.image.image import Image
from napari_dip.errors import AxesError, FileFormatError
from napari_dip.io import images as io
from tests.io.ome_zarr.stores import image_of_shape, write_field, write_version_0_4


def test_writes_metadata_of_version_0_5(tmp_path):
    path = tmp_path / "a.ome.zarr"
    io.write_image(path, image_of_shape(3, 2, 12, 10))
    group = zarr.open_group(str(path), mode="r")
    ome = group.attrs["ome"]
    assert group.metadata.zarr_format == 3
    assert ome["version"] == "0.5"
    (multiscale,) = ome["multiscales"]
    # OME-Zarr stores channels before space, in any order of the image.
    assert multiscale["axes"] == [
        {"name": "c", "type": "channel"},
        {"name": "z", "type": "space"},
        {"name": "y", "type": "space", "unit": "micrometer"},
        {"name": "x", "type": "space", "unit": "micrometer"},
    ]
    (dataset,) = multiscale["datasets"]
    assert dataset["coordinateTransformations"] == [
        {"type": "scale", "scale": [1.0, 1.0, 0.25, 0.5]}
    ]
    assert group[dataset["path"]].metadata.dimension_names == ("c", "z", "y", "x")


def test_reads_version_0_4_with_both_scales(tmp_path):
    write_version_0_4(tmp_path / "a.zarr")
    image = io.read_image(tmp_path / "a.zarr")
    assert (image.axes, image.shape, image.dtype) == ("CZYX", (2, 3, 12, 10), np.dtype("uint16"))
    assert image.data[1, 2, 11, 9] == 719
    assert dict(image.voxel_size) == {"Z": 0.25, "Y": 0.25, "X": 0.25}
    assert set(image.units.values()) == {"micrometer"}


@pytest.mark.parametrize(("zarr_format", "version"), [(2, "0.4"), (3, "0.5")])
def test_keeps_position_and_channels_of_a_field(tmp_path, zarr_format, version):
    path = write_field(tmp_path / "a.zarr", zarr_format=zarr_format, version=version)
    image = io.read_image(path)
    assert dict(image.position) == {"Y": 120.0, "X": -240.0}
    assert image.channel_names == ("DAPI", "GFP")
    assert image.channel_colours == ("0000FF", "00FF00")
    assert image.warnings == ()
    result = image.with_data(image.data.astype(np.float32))
    io.write_image(tmp_path / "b.ome.zarr", result)
    back = io.read_image(tmp_path / "b.ome.zarr")
    for name in ("position", "channel_names", "channel_colours", "voxel_size", "units"):
        assert getattr(back, name) == getattr(image, name), name
    ome = zarr.open_group(str(tmp_path / "b.ome.zarr"), mode="r").attrs["ome"]
    assert ome["omero"]["channels"][1]["window"] == {
        "start": 120.0, "end": 239.0, "min": 120.0, "max": 239.0,
    }  # fmt: skip


def test_coarser_levels_are_shifted_by_half_a_pixel(tmp_path):
    values = np.zeros((601, 700), np.uint8)
    image = Image(values, "YX", {"Y": 0.5, "X": 0.5}, position={"Y": 120.0})
    io.write_image(tmp_path / "a.ome.zarr", image)
    ome = zarr.open_group(str(tmp_path / "a.ome.zarr"), mode="r").attrs["ome"]
    shifts = [
        dataset["coordinateTransformations"][1]["translation"]
        for dataset in ome["multiscales"][0]["datasets"]
    ]
    assert shifts == [[120.0, 0.0], [120.25, 0.25]]


def test_composes_transformations_of_level_and_image(tmp_path):
    after = [
        {"type": "scale", "scale": [1.0, 10.0, 10.0]},
        {"type": "translation", "translation": [0.0, 1.0, 2.0]},
    ]
    image = io.read_image(write_field(tmp_path / "a.zarr", coordinateTransformations=after))
    assert dict(image.voxel_size) == {"Y": 5.0, "X": 5.0}
    assert dict(image.position) == {"Y": 1201.0, "X": -2398.0}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ([{"type": "affine", "affine": []}], "affine is not supported"),
        ([{"type": "scale", "scale": [1.0, -0.5, 0.5]}], "mirrored axis"),
    ],
    ids=["affine", "mirrored"],
)
def test_warns_of_unsupported_transformations(tmp_path, changes, words):
    image = io.read_image(write_field(tmp_path / "a.zarr", changes=changes))
    assert words in image.warnings[0]
    assert dict(image.position) == {}
    assert dict(image.voxel_size) == ({"Y": 0.5, "X": 0.5} if "mirrored" in words else {})


def test_reads_time_in_its_unit(tmp_path):
    axes = [{"name": "time", "type": "time", "unit": "millisecond"}, {"name": "y"}, {"name": "x"}]
    changes = [{"type": "scale", "scale": [40.0, 1.0, 1.0]}]
    image = io.read_image(write_field(tmp_path / "a.zarr", axes=axes, changes=changes))
    assert image.axes == "TYX"
    assert (dict(image.voxel_size), dict(image.units)) == ({"T": 40.0}, {"T": "millisecond"})
    io.write_image(tmp_path / "b.ome.zarr", image)
    assert io.read_image(tmp_path / "b.ome.zarr").units == {"T": "millisecond"}


@pytest.mark.parametrize("unit", ["micrometer", "um", "µm", "μm", "micron"])
def test_reads_every_spelling_of_a_unit(tmp_path, unit):
    axes = [{"name": n, "type": "space", "unit": unit} for n in "zyx"]
    image = io.read_image(write_field(tmp_path / "a.zarr", axes=axes))
    assert set(image.units.values()) == {"micrometer"}


@pytest.mark.parametrize("unit", [None, "pixel"])
def test_unit_pixel_means_unknown_unit(tmp_path, unit):
    axes = [{"name": n, "unit": unit} for n in "zyx"]
    image = io.read_image(write_field(tmp_path / "a.zarr", axes=axes))
    assert (dict(image.voxel_size), dict(image.units)) == ({"Y": 0.5, "X": 0.5}, {})


def test_rejects_version_with_coordinate_systems(tmp_path):
    path = write_field(tmp_path / "a.zarr", zarr_format=3, version="0.6rc1", coordinateSystems=[])
    with pytest.raises(FileFormatError, match="0.6rc1 with coordinate systems") as caught:
        io.read_image(path)
    assert str(path / "0") in str(caught.value)
    assert io.read_image(path / "0", "CYX").shape == (2, 12, 10)


def test_reads_unknown_version_with_a_warning(tmp_path):
    path = write_field(tmp_path / "a.zarr", zarr_format=3, version="0.7")
    image = io.read_image(path)
    assert dict(image.voxel_size) == {"Y": 0.5, "X": 0.5}
    assert "version 0.7 is not known" in image.warnings[0]


@pytest.mark.parametrize(("version", "named"), [("0.2", False), ("0.3", True)])
def test_reads_versions_without_units(tmp_path, version, named):
    group = zarr.create_group(str(tmp_path / "a.zarr"), zarr_format=2)
    group.create_array("0", shape=(1, 2, 3, 12, 10), dtype="u1")[...] = 1
    axes = {"axes": list("tczyx")} if named else {}
    multiscale = {"version": version, "datasets": [{"path": "0"}], **axes}
    group.attrs["multiscales"] = [multiscale]
    image = io.read_image(tmp_path / "a.zarr")
    assert (image.axes, dict(image.voxel_size), image.warnings) == ("TCZYX", {}, ())


def test_asks_for_unknown_axes(tmp_path):
    write_version_0_4(tmp_path / "a.zarr", axes="pqyx")
    with pytest.raises(AxesError, match="Name the axes"):
        io.read_image(tmp_path / "a.zarr")
