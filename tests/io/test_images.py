from __future__ import annotations

import errno
import json
import os
import tomllib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from PIL import Image as Picture

from napari_dip import optional as extras
from napari_dip.compare.baselines import BASELINES
from napari_dip.core.image.image import Image
from napari_dip.core.operators.pretrained import PRETRAINED
from napari_dip.errors import AxesError, FileFormatError, InputError, OutputExistsError
from napari_dip.io import images as io

SIZES = {"T": 2, "Z": 3, "C": 2, "Y": 12, "X": 10, "S": 3}


def picture(axes: str = "YX", dtype: str = "float32", **spacing: float) -> Image:
    shape = tuple(SIZES[axis] for axis in axes)
    values = np.random.default_rng(0).uniform(0, 200, shape).astype(dtype)
    units = {axis: "second" if axis == "T" else "micrometer" for axis in spacing}
    return Image(values, axes, spacing, units)


# Neither .npy nor .png has axes to keep.
WITH_AXES = [suffix for suffix in io.WRITERS if suffix not in (".npy", ".png")]
# Formats without samples: an RGB pixel has channels there.
WITHOUT_SAMPLES = (".ome.zarr", ".zarr")
GREY_ONLY = (".nii", ".nii.gz")


@pytest.mark.parametrize("suffix", WITH_AXES)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    axes=st.sampled_from(["YX", "ZYX", "TYX", "CYX", "TZYX", "ZCYX", "TZCYX", "YXS", "ZYXS"]),
    dtype=st.sampled_from(["uint8", "uint16", "int16", "float32", "float64"]),
)
def test_what_is_written_reads_back_with_axes_voxel_size_and_units(tmp_path, suffix, axes, dtype):
    assume(not ("S" in axes and suffix in GREY_ONLY))
    spacing = {axis: 0.25 * (1 + "TZYX".index(axis)) for axis in axes if axis in "TZYX"}
    image = picture(axes, dtype, **spacing)
    path = tmp_path / f"image{suffix}"
    io.write_image(path, image, overwrite=True)
    back = io.read_image(path)
    if suffix in WITHOUT_SAMPLES:
        axes = axes.replace("S", "C")
    assert sorted(back.axes) == sorted(axes)
    assert back.dtype == image.dtype
    order = [back.axes.index(axis) for axis in axes]
    np.testing.assert_array_equal(np.asarray(back.data).transpose(order), image.data)
    assert dict(back.voxel_size) == pytest.approx(spacing)
    assert dict(back.units) == dict(image.units)


@pytest.mark.parametrize("suffix", WITH_AXES)
def test_a_voxel_size_nobody_knows_stays_unknown(tmp_path, suffix):
    io.write_image(tmp_path / f"a{suffix}", picture("ZYX"))
    back = io.read_image(tmp_path / f"a{suffix}")
    assert (dict(back.voxel_size), dict(back.units)) == ({}, {})


@pytest.mark.parametrize("axes", ["XY", "YXC", "ZXY"])
def test_unusual_orders_are_written_in_the_usual_one(tmp_path, axes):
    image = picture(axes)
    io.write_image(tmp_path / "a.ome.tif", image)
    back = io.read_image(tmp_path / "a.ome.tif")
    order = [axes.index(axis) for axis in back.axes]
    np.testing.assert_array_equal(back.data, image.data.transpose(order))


@pytest.mark.parametrize("suffix", [".tif", ".ome.tif"])
def test_the_description_is_in_the_file(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    io.write_image(path, picture(), description=json.dumps({"schema": 1}))
    with tifffile.TiffFile(path) as file:
        text = file.ome_metadata if file.is_ome else file.imagej_metadata["Info"]
    assert "schema" in text


@pytest.mark.parametrize("axes", ["YX", "ZYX", "YXS"])
def test_numpy_files_round_trip(tmp_path, axes):
    io.write_image(tmp_path / "a.npy", picture(axes))
    back = io.read_image(tmp_path / "a.npy", axes)
    np.testing.assert_array_equal(back.data, picture(axes).data)


@pytest.mark.parametrize(("axes", "dtype"), [("YX", "uint8"), ("YX", "uint16"), ("YXS", "uint8")])
def test_png_files_are_rounded_and_clipped(tmp_path, axes, dtype):
    image = picture(axes).with_data(picture(axes).data * 2 - 100)
    io.write_image(tmp_path / "a.png", image, dtype=dtype)
    back = io.read_image(tmp_path / "a.png")
    assert (back.axes, back.dtype) == (axes, np.dtype(dtype))
    expected = np.clip(np.rint(image.data), 0, np.iinfo(dtype).max)
    np.testing.assert_array_equal(back.data, expected)


@pytest.mark.parametrize(
    ("unit", "name"),
    [
        ("um", "micrometer"),
        ("\\u00B5m", "micrometer"),
        ("micron", "micrometer"),
        ("nm", "nanometer"),
    ],
)
def test_imagej_units_get_their_names(tmp_path, unit, name):
    tifffile.imwrite(
        tmp_path / "a.tif",
        np.zeros((4, 8, 8), np.uint8),
        imagej=True,
        resolution=(2, 2),
        metadata={"axes": "ZYX", "unit": unit, "spacing": 1.5},
    )
    image = io.read_image(tmp_path / "a.tif")
    assert dict(image.voxel_size) == {"X": 0.5, "Y": 0.5, "Z": 1.5}
    assert set(image.units.values()) == {name}


def test_pages_of_a_plain_file_are_planes(tmp_path):
    tifffile.imwrite(
        tmp_path / "a.tif", np.zeros((4, 8, 9), np.uint16), photometric="minisblack", metadata=None
    )
    assert io.read_image(tmp_path / "a.tif").axes == "ZYX"


def test_axes_nobody_knows_are_asked_for(tmp_path):
    tifffile.imwrite(
        tmp_path / "a.tif",
        np.zeros((2, 4, 8, 9), np.uint16),
        photometric="minisblack",
        metadata={"axes": "PHYX"},
    )
    with pytest.raises(AxesError, match="Name the axes"):
        io.read_image(tmp_path / "a.tif")


def bad_files(folder):
    (folder / "text.tif").write_text("this is no image")
    (folder / "empty.tif").write_bytes(b"")
    (folder / "text.png").write_text("this is no image")
    (folder / "image.xyz").write_bytes(b"0")
    (folder / "folder.tif").mkdir()
    np.save(folder / "object.npy", np.array([{}], dtype=object), allow_pickle=True)
    whole = folder / "whole.tif"
    for name, options in {
        "cut_ome.tif": {"ome": True},
        "cut_imagej.tif": {"imagej": True},
        "cut_plain.tif": {"metadata": None},
        "cut_shaped.tif": {},
        "cut_compressed.tif": {"compression": "zlib", "metadata": None},
    }.items():
        pages = np.random.default_rng(0).integers(0, 255, (5, 64, 64), dtype=np.uint8)
        tifffile.imwrite(whole, pages, **options)
        content = whole.read_bytes()
        (folder / name).write_bytes(content[: len(content) // 2])
    return ["missing.tif", *sorted(path.name for path in folder.iterdir() if path != whole)]


def test_every_bad_file_is_refused_in_one_sentence(tmp_path):
    for name in bad_files(tmp_path):
        with pytest.raises(FileFormatError, match="^Got") as caught:
            io.read_image(tmp_path / name)
        assert "\n" not in str(caught.value), name


@pytest.mark.parametrize(
    "values", [np.zeros((4, 4), np.complex64), np.zeros((0, 5)), np.float32(3)], ids=str
)
def test_arrays_that_are_no_image_are_refused(tmp_path, values):
    np.save(tmp_path / "a.npy", values)
    with pytest.raises(InputError, match="^Got"):
        io.read_image(tmp_path / "a.npy")


def test_a_forged_size_is_refused_before_it_is_read(tmp_path, monkeypatch):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((64, 64), np.uint8))

    class Little:
        available = 100

    monkeypatch.setattr(io.psutil, "virtual_memory", Little)
    with pytest.raises(InputError, match="free memory"):
        io.read_image(tmp_path / "a.tif")


def test_an_existing_output_is_refused_before_the_work(tmp_path):
    path = tmp_path / "a.tif"
    path.write_text("precious")
    with pytest.raises(OutputExistsError, match="replace it"):
        io.check_output(path, overwrite=False)
    with pytest.raises(OutputExistsError):
        io.write_image(path, picture())
    assert path.read_text() == "precious"
    io.write_image(path, picture(), overwrite=True)
    assert io.read_image(path).shape == (12, 10)


@pytest.mark.parametrize("name", ["a.jpg", "a.xyz", "nowhere/a.tif", "folder.tif"])
def test_an_output_that_cannot_be_written_is_refused_before_the_work(tmp_path, name):
    (tmp_path / "folder.tif").mkdir()
    with pytest.raises(FileFormatError, match="^Got"):
        io.check_output(tmp_path / name, overwrite=True)


@pytest.mark.parametrize("suffix", io.WRITERS)
def test_a_full_disk_leaves_neither_a_part_nor_a_broken_old_file(tmp_path, monkeypatch, suffix):
    path = tmp_path / f"a{suffix}"
    io.write_image(path, picture(), dtype=np.uint8)
    before = io.sha256_of(path)

    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(io.os, "fsync", full)
    with pytest.raises(FileFormatError, match="No space left"):
        io.write_image(path, picture(), overwrite=True, dtype=np.uint16)
    assert io.sha256_of(path) == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_writer_that_loses_values_is_caught(tmp_path, monkeypatch):
    def half(path, image, description):
        tifffile.imwrite(path, np.asarray(image.data) * 0.5)

    monkeypatch.setitem(io.WRITERS, ".ome.tif", half)
    with pytest.raises(FileFormatError, match="Got other values"):
        io.write_image(tmp_path / "a.ome.tif", picture())
    assert list(tmp_path.iterdir()) == []


def test_missing_values_survive(tmp_path):
    image = picture()
    image.data[0, 0] = np.nan
    io.write_image(tmp_path / "a.ome.tif", image)
    assert np.isnan(io.read_image(tmp_path / "a.ome.tif").data[0, 0])


def test_the_hash_is_of_the_file(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert io.sha256_of(tmp_path / "a").startswith("ba7816bf")


def test_the_hash_of_a_folder_is_of_names_and_files(tmp_path):
    found = set()
    for name, content in [("a", b"abc"), ("b", b"abc"), ("a", b"abd")]:
        folder = tmp_path / str(len(found))
        (folder / "in").mkdir(parents=True)
        (folder / "in" / name).write_bytes(content)
        found.add(io.sha256_of(folder))
    assert len(found) == 3


@pytest.mark.parametrize(
    "suffix", [name for name in io.WRITERS if io.WRITERS[name] in io.LIBRARIES]
)
def test_a_missing_library_is_named_before_the_work_with_the_way_to_get_it(
    tmp_path, monkeypatch, suffix
):
    path = tmp_path / f"a{suffix}"
    io.write_image(path, picture())
    monkeypatch.setattr(extras, "installed", lambda library: False)
    for attempt in (lambda: io.check_output(path, overwrite=True), lambda: io.read_image(path)):
        with pytest.raises(InputError, match=r'pip install "napari-dip\[\w+\]"') as caught:
            attempt()
        assert "\n" not in str(caught.value)


def test_every_extra_that_is_named_exists():
    assert set(io.LIBRARIES.values()) <= extras.LIBRARIES.keys()
    baselines = {baseline.library for baseline in BASELINES}
    pretrained = {library for libraries, _ in PRETRAINED.values() for library in libraries}
    assert (baselines - {None}) | pretrained <= extras.LIBRARIES.keys()
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    named = {library.extra for library in extras.LIBRARIES.values()}
    assert named - {""} <= project["optional-dependencies"].keys()


@pytest.mark.parametrize(
    ("name", "axes", "shape", "voxel_size"),
    [
        ("stacks/ctc_cho_tzcyx_imagej.tif", "TZYX", (8, 5, 256, 256),
         {"T": 570.0, "Z": 1.0, "Y": 0.202, "X": 0.202}),
        ("stacks/beads_imagej_zyx.tif", "ZYX", (41, 150, 150),
         {"Z": 0.125, "Y": 0.0225, "X": 0.0225}),
        ("stacks/nuclei_zyx_uint16.tif", "ZYX", (60, 256, 256), {}),
        ("multichannel/hela_cells_imagej_c3_uint16.tif", "YXS", (512, 672, 3),
         {"Y": 0.0515, "X": 0.0515}),
        ("multichannel/hela_cells_czyx_like.ome.tif", "CYX", (3, 512, 672),
         {"Y": 0.0515, "X": 0.0515}),
        ("stacks/mitotic_plate.ome.zarr", "TCZYX", (1, 1, 6, 263, 263),
         {"T": 1.0, "Z": 3.0, "Y": 0.0852, "X": 0.0852}),
        ("em/isbi2012_test0.png", "YX", (512, 512), {}),
        ("medical/ct_693_int16.tif", "YX", (512, 512), {}),
    ],
)  # fmt: skip
def test_real_files_are_understood(shared_data, name, axes, shape, voxel_size):
    image = io.read_image(shared_data / name)
    assert (image.axes, image.shape) == (axes, shape)
    assert dict(image.voxel_size) == pytest.approx(voxel_size, rel=2e-3)


@pytest.mark.parametrize(
    ("name", "mode"), [("a.png", "RGB"), ("a.jpg", "CMYK"), ("missing.jpg", ""), ("a.txt", "")]
)
def test_only_a_jpeg_of_luma_and_colour_has_a_quantisation(tmp_path, name, mode):
    if mode:
        Picture.new(mode, (16, 16)).save(tmp_path / name)
    elif name == "a.txt":
        tmp_path.joinpath(name).write_text("words")
    assert io.read_quantisation(tmp_path / name) is None
