"""OME-Zarr: what other programs rely on, and what must not be believed or deleted."""

from __future__ import annotations

import json

import numpy as np
import pytest
import zarr

from napari_dip.core.image.image import Image
from napari_dip.errors import AxesError, FileFormatError, InputError, OutputExistsError
from napari_dip.io import images as io


def picture(*shape: int) -> Image:
    values = np.random.default_rng(0).uniform(0, 200, shape).astype(np.float32)
    sizes = {"Y": 0.25, "X": 0.5}
    return Image(values, "ZCYX"[-len(shape) :], sizes, dict.fromkeys("YX", "micrometer"))


@pytest.fixture
def written(tmp_path):
    path = tmp_path / "a.ome.zarr"
    io.write_image(path, picture(2, 12, 10), description=json.dumps({"schema": 1}))
    return path


def test_the_metadata_are_those_of_version_0_5(tmp_path):
    path = tmp_path / "a.ome.zarr"
    io.write_image(path, picture(3, 2, 12, 10))
    group = zarr.open_group(str(path), mode="r")
    ome = group.attrs["ome"]
    assert group.metadata.zarr_format == 3
    assert ome["version"] == "0.5"
    (multiscale,) = ome["multiscales"]
    # Channels come before space, whatever the order of the image.
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


@pytest.mark.parametrize("dtype", ["float32", "uint8", "bool"])
def test_levels_halve_y_and_x_until_they_are_small(tmp_path, dtype):
    values = np.random.default_rng(0).uniform(0, 2, (2, 601, 1030)).astype(dtype)
    image = Image(values, "ZYX", {"Y": 0.25, "X": 0.5, "Z": 3.0})
    io.write_image(tmp_path / "a.ome.zarr", image)
    group = zarr.open_group(str(tmp_path / "a.ome.zarr"), mode="r")
    datasets = group.attrs["ome"]["multiscales"][0]["datasets"]
    levels = [group[dataset["path"]] for dataset in datasets]
    assert [level.shape for level in levels] == [(2, 601, 1030), (2, 300, 515), (2, 150, 257)]
    mean = values[1, 2:4, 6:8].mean()
    expected = mean if dtype == "float32" else np.rint(mean)
    assert levels[1][1, 1, 3] == pytest.approx(expected, rel=1e-6)
    assert {level.dtype for level in levels} == {np.dtype(dtype)}
    scale, shift = datasets[2]["coordinateTransformations"]
    assert scale["scale"] == [3.0, 1.0, 2.0]
    # The first of four pixels has its centre at 0, all four have it at 1.5.
    assert shift["translation"] == [0.0, 0.375, 0.75]


def test_the_report_is_an_attribute(written):
    assert zarr.open_group(str(written), mode="r").attrs["napari_dip"] == {"schema": 1}


def test_a_chunk_that_was_lost_is_no_black_square(written):
    next(path for path in (written / "0").rglob("0") if path.is_file()).unlink()
    with pytest.raises(FileFormatError, match="1 of 2 chunks are missing"):
        io.read_image(written)


@pytest.mark.parametrize("lazy", [False, True])
def test_a_chunk_that_was_cut_off_is_refused(written, lazy):
    chunk = next(path for path in (written / "0").rglob("0") if path.is_file())
    chunk.write_bytes(chunk.read_bytes()[:20])
    with pytest.raises(FileFormatError, match="^Got") as caught:
        np.asarray(io.read_image(written, lazy=lazy).data)
    assert "\n" not in str(caught.value)


def test_black_planes_are_whole(tmp_path):
    black = Image(np.zeros((2, 12, 10), np.uint8), "ZYX")
    io.write_image(tmp_path / "a.ome.zarr", black, description="{}")
    assert io.read_image(tmp_path / "a.ome.zarr").shape == (2, 12, 10)


# What other programs write


def store_of_version_0_4(path, axes="czyx", **attributes):
    group = zarr.create_group(str(path), zarr_format=2)
    shape = (2, 3, 12, 10)[-len(axes) :]
    array = group.create_array("s0", shape=shape, dtype=">u2", chunks=(1,) * len(shape))
    array[...] = np.arange(np.prod(shape)).reshape(shape)
    scale = {"type": "scale", "scale": [0.5] * len(axes)}
    group.attrs["multiscales"] = [
        {
            "version": "0.4",
            "axes": [{"name": name, "unit": "micrometer"} for name in axes],
            "datasets": [{"path": "s0", "coordinateTransformations": [scale]}],
            "coordinateTransformations": [scale],
        }
    ]
    group.attrs.update(attributes)


def test_version_0_4_is_read_with_both_of_its_scales(tmp_path):
    store_of_version_0_4(tmp_path / "a.zarr")
    image = io.read_image(tmp_path / "a.zarr")
    assert (image.axes, image.shape, image.dtype) == ("CZYX", (2, 3, 12, 10), np.dtype("uint16"))
    assert image.data[1, 2, 11, 9] == 719
    assert dict(image.voxel_size) == {"Z": 0.25, "Y": 0.25, "X": 0.25}
    assert set(image.units.values()) == {"micrometer"}


def tile(path, *, zarr_format=2, version="0.4", axes=None, changes=(), **multiscale):
    """Write one field of a tile scan, two channels of 12 x 10 pixels."""
    scale = {"type": "scale", "scale": [1.0, 0.5, 0.5]}
    moved = {"type": "translation", "translation": [0.0, 120.0, -240.0]}
    group = zarr.create_group(str(path), zarr_format=zarr_format)
    group.create_array("0", shape=(2, 12, 10), dtype="u2")[...] = np.arange(240).reshape(2, 12, 10)
    micrometres = {"type": "space", "unit": "micrometer"}
    ome = {
        "multiscales": [
            {
                "axes": axes
                or [{"name": "c", "type": "channel"}, *({"name": n, **micrometres} for n in "yx")],
                "datasets": [{"path": "0", "coordinateTransformations": changes or [scale, moved]}],
                **multiscale,
            }
        ],
        "omero": {
            "channels": [{"label": "DAPI", "color": "0000FF"}, {"label": "GFP", "color": "00ff00"}]
        },
    }
    if zarr_format == 2:
        ome["multiscales"][0]["version"] = version
        group.attrs.update(ome)
    else:
        group.attrs["ome"] = {"version": version, **ome}
    return path


@pytest.mark.parametrize(("zarr_format", "version"), [(2, "0.4"), (3, "0.5")])
def test_position_and_channels_of_a_field_are_kept(tmp_path, zarr_format, version):
    path = tile(tmp_path / "a.zarr", zarr_format=zarr_format, version=version)
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


def test_a_field_goes_block_by_block_to_its_place(tmp_path):
    path = tile(tmp_path / "a.zarr")
    image = io.read_image(path, lazy=True)
    with io.written_by_parts(tmp_path / "b.ome.zarr", image) as (array, complete):
        array[...] = np.asarray(image.data)
        complete("{}")
    back = io.read_image(tmp_path / "b.ome.zarr")
    assert (back.position, back.channel_names) == (image.position, image.channel_names)


def test_each_level_of_a_moved_image_begins_half_a_pixel_later(tmp_path):
    values = np.zeros((601, 700), np.uint8)
    image = Image(values, "YX", {"Y": 0.5, "X": 0.5}, position={"Y": 120.0})
    io.write_image(tmp_path / "a.ome.zarr", image)
    ome = zarr.open_group(str(tmp_path / "a.ome.zarr"), mode="r").attrs["ome"]
    shifts = [
        dataset["coordinateTransformations"][1]["translation"]
        for dataset in ome["multiscales"][0]["datasets"]
    ]
    assert shifts == [[120.0, 0.0], [120.25, 0.25]]


def test_transformations_of_level_and_image_are_composed_in_order(tmp_path):
    after = [
        {"type": "scale", "scale": [1.0, 10.0, 10.0]},
        {"type": "translation", "translation": [0.0, 1.0, 2.0]},
    ]
    image = io.read_image(tile(tmp_path / "a.zarr", coordinateTransformations=after))
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
def test_transformations_that_are_not_kept_are_named_in_a_warning(tmp_path, changes, words):
    image = io.read_image(tile(tmp_path / "a.zarr", changes=changes))
    assert words in image.warnings[0]
    assert dict(image.position) == {}
    assert dict(image.voxel_size) == ({"Y": 0.5, "X": 0.5} if "mirrored" in words else {})


def test_time_is_read_in_its_unit(tmp_path):
    axes = [{"name": "time", "type": "time", "unit": "millisecond"}, {"name": "y"}, {"name": "x"}]
    changes = [{"type": "scale", "scale": [40.0, 1.0, 1.0]}]
    image = io.read_image(tile(tmp_path / "a.zarr", axes=axes, changes=changes))
    assert image.axes == "TYX"
    assert (dict(image.voxel_size), dict(image.units)) == ({"T": 40.0}, {"T": "millisecond"})
    io.write_image(tmp_path / "b.ome.zarr", image)
    assert io.read_image(tmp_path / "b.ome.zarr").units == {"T": "millisecond"}


@pytest.mark.parametrize("unit", ["micrometer", "um", "µm", "μm", "micron"])
def test_a_unit_has_one_name(tmp_path, unit):
    axes = [{"name": n, "type": "space", "unit": unit} for n in "zyx"]
    image = io.read_image(tile(tmp_path / "a.zarr", axes=axes))
    assert set(image.units.values()) == {"micrometer"}


@pytest.mark.parametrize("unit", [None, "pixel"])
def test_a_unit_that_says_nothing_is_not_known(tmp_path, unit):
    axes = [{"name": n, "unit": unit} for n in "zyx"]
    image = io.read_image(tile(tmp_path / "a.zarr", axes=axes))
    assert (dict(image.voxel_size), dict(image.units)) == ({"Y": 0.5, "X": 0.5}, {})


def test_a_version_with_coordinate_systems_is_refused(tmp_path):
    path = tile(tmp_path / "a.zarr", zarr_format=3, version="0.6rc1", coordinateSystems=[])
    with pytest.raises(FileFormatError, match="0.6rc1 with coordinate systems") as caught:
        io.read_image(path)
    assert str(path / "0") in str(caught.value)
    assert io.read_image(path / "0", "CYX").shape == (2, 12, 10)


def test_an_unknown_version_is_read_with_a_warning(tmp_path):
    path = tile(tmp_path / "a.zarr", zarr_format=3, version="0.7")
    image = io.read_image(path)
    assert dict(image.voxel_size) == {"Y": 0.5, "X": 0.5}
    assert "version 0.7 is not known" in image.warnings[0]


@pytest.mark.parametrize(("version", "named"), [("0.2", False), ("0.3", True)])
def test_versions_before_units_are_read(tmp_path, version, named):
    group = zarr.create_group(str(tmp_path / "a.zarr"), zarr_format=2)
    group.create_array("0", shape=(1, 2, 3, 12, 10), dtype="u1")[...] = 1
    axes = {"axes": list("tczyx")} if named else {}
    multiscale = {"version": version, "datasets": [{"path": "0"}], **axes}
    group.attrs["multiscales"] = [multiscale]
    image = io.read_image(tmp_path / "a.zarr")
    assert (image.axes, dict(image.voxel_size), image.warnings) == ("TCZYX", {}, ())


def test_the_one_image_of_a_converted_file_is_found(tmp_path):
    path = tmp_path / "a.ome.zarr"
    zarr.create_group(str(path), zarr_format=2).attrs["bioformats2raw.layout"] = 3
    store_of_version_0_4(path / "0")
    assert io.read_image(path).shape == (2, 3, 12, 10)
    store_of_version_0_4(path / "1")
    with pytest.raises(FileFormatError, match="2 images; expected one"):
        io.read_image(path)
    assert io.read_image(path / "1").shape == (2, 3, 12, 10)


def test_a_plain_array_is_an_image(tmp_path):
    zarr.save_array(str(tmp_path / "a.zarr"), np.ones((3, 12, 10), np.float32))
    assert io.read_image(tmp_path / "a.zarr").axes == "ZYX"


@pytest.mark.parametrize("attributes", [{"plate": {}}, {}], ids=["plate", "nothing"])
def test_a_group_without_one_image_is_refused(tmp_path, attributes):
    zarr.create_group(str(tmp_path / "a.zarr")).attrs.update(attributes)
    with pytest.raises(FileFormatError, match="expected an OME-Zarr image"):
        io.read_image(tmp_path / "a.zarr")


def test_axes_nobody_knows_are_asked_for(tmp_path):
    store_of_version_0_4(tmp_path / "a.zarr", axes="pqyx")
    with pytest.raises(AxesError, match="Name the axes"):
        io.read_image(tmp_path / "a.zarr")


@pytest.mark.parametrize("place", ["compressor", "filters"])
def test_a_codec_that_could_run_code_is_never_used(tmp_path, place):
    store_of_version_0_4(tmp_path / "a.zarr")
    file = tmp_path / "a.zarr" / "s0" / ".zarray"
    metadata = json.loads(file.read_text())
    codec = {"id": "pickle", "protocol": 5}
    metadata[place] = codec if place == "compressor" else [codec]
    file.write_text(json.dumps(metadata))
    with pytest.raises(FileFormatError, match="No Zarr data type found"):
        io.read_image(tmp_path / "a.zarr")


def test_numbers_that_are_no_image_are_refused(tmp_path):
    zarr.save_array(str(tmp_path / "a.zarr"), np.ones((12, 10), np.complex64))
    with pytest.raises(InputError, match="complex64"):
        io.read_image(tmp_path / "a.zarr")


# What must not be lost


def test_an_ome_zarr_is_replaced_only_when_asked(written):
    with pytest.raises(OutputExistsError, match="replace it"):
        io.write_image(written, picture(5, 12, 10))
    assert io.read_image(written).shape == (2, 12, 10)
    io.write_image(written, picture(5, 12, 10), overwrite=True)
    assert io.read_image(written).shape == (5, 12, 10)
    assert list(written.parent.iterdir()) == [written]


def a_folder_of_photographs(path):
    path.mkdir()
    (path / "holiday.jpg").write_text("precious")


def notes_beside_the_chunks(path):
    io.write_image(path, picture(12, 10))
    (path / "0" / "notes.txt").write_text("precious")


def a_file(path):
    path.write_text("precious")


@pytest.mark.parametrize("make", [a_folder_of_photographs, notes_beside_the_chunks, a_file])
def test_nothing_but_an_ome_zarr_is_ever_replaced(tmp_path, make):
    path = tmp_path / "a.ome.zarr"
    make(path)
    before = io.sha256_of(path)
    for attempt in (
        lambda: io.check_output(path, overwrite=True),
        lambda: io.write_image(path, picture(12, 10), overwrite=True),
    ):
        with pytest.raises(FileFormatError, match="^Got output"):
            attempt()
    assert io.sha256_of(path) == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_cannot_be_put_in_place_leaves_the_old_one(written, monkeypatch):
    before = io.sha256_of(written)
    rename, calls = io.os.rename, []

    def fail_once(source, target):
        calls.append(target)
        if len(calls) == 2:
            raise OSError(5, "Input/output error")
        rename(source, target)

    monkeypatch.setattr(io.os, "rename", fail_once)
    with pytest.raises(FileFormatError, match="Input/output error"):
        io.write_image(written, picture(5, 12, 10), overwrite=True)
    assert io.sha256_of(written) == before
    assert list(written.parent.iterdir()) == [written]
