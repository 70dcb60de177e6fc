"""Reading and writing of images in all formats."""

from __future__ import annotations

import numpy as np
import psutil
import pytest
import tifffile
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from napari_dip.errors import FileFormatError, InputError, OutputExistsError
from napari_dip.io import images as io
from tests.tiny import small_image

# All formats but .npy and .png, which store no axes.
WITH_AXES = [suffix for suffix in io.WRITERS if suffix not in (".npy", ".png")]
# Formats that store RGB samples as channels.
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
def test_written_image_reads_back_with_axes_voxel_size_and_units(tmp_path, suffix, axes, dtype):
    assume(not ("S" in axes and suffix in GREY_ONLY))
    spacing = {axis: 0.25 * (1 + "TZYX".index(axis)) for axis in axes if axis in "TZYX"}
    image = small_image(axes, dtype, **spacing)
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
def test_unknown_voxel_size_stays_unknown(tmp_path, suffix):
    io.write_image(tmp_path / f"a{suffix}", small_image("ZYX"))
    back = io.read_image(tmp_path / f"a{suffix}")
    assert (dict(back.voxel_size), dict(back.units)) == ({}, {})


def bad_files(folder):
    (folder / "text.tif").write_text("this is no image")
    (folder / "empty.tif").write_bytes(b"")
    (folder / "text.png").write_text("this is no image")
    (folder / "image.xyz").write_bytes(b"0")
    (folder / "folder.tif").mkdir()
    np.save(folder / "object.npy", np.array([{}], dtype=object), allow_pickle=True)
    complete = folder / "complete.tif"
    for name, options in {
        "cut_ome.tif": {"ome": True},
        "cut_imagej.tif": {"imagej": True},
        "cut_plain.tif": {"metadata": None},
        "cut_shaped.tif": {},
        "cut_compressed.tif": {"compression": "zlib", "metadata": None},
    }.items():
        pages = np.random.default_rng(0).integers(0, 255, (5, 64, 64), dtype=np.uint8)
        tifffile.imwrite(complete, pages, **options)
        content = complete.read_bytes()
        (folder / name).write_bytes(content[: len(content) // 2])
    return ["missing.tif", *sorted(path.name for path in folder.iterdir() if path != complete)]


def test_rejects_every_bad_file_in_one_sentence(tmp_path):
    for name in bad_files(tmp_path):
        with pytest.raises(FileFormatError, match="^Got") as caught:
            io.read_image(tmp_path / name)
        assert "\n" not in str(caught.value), name


@pytest.mark.parametrize(
    "values", [np.zeros((4, 4), np.complex64), np.zeros((0, 5)), np.float32(3)], ids=str
)
def test_rejects_array_that_is_no_image(tmp_path, values):
    np.save(tmp_path / "a.npy", values)
    with pytest.raises(InputError, match="^Got"):
        io.read_image(tmp_path / "a.npy")


def test_rejects_image_larger_than_memory(tmp_path, monkeypatch):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((64, 64), np.uint8))

    class Little:
        available = 100

    monkeypatch.setattr(psutil, "virtual_memory", Little)
    with pytest.raises(InputError, match="free memory"):
        io.read_image(tmp_path / "a.tif")


def test_keeps_existing_output_without_overwrite(tmp_path):
    path = tmp_path / "a.tif"
    path.write_text("precious")
    with pytest.raises(OutputExistsError, match="replace it"):
        io.check_output(path, overwrite=False)
    with pytest.raises(OutputExistsError):
        io.write_image(path, small_image())
    assert path.read_text() == "precious"
    io.write_image(path, small_image(), overwrite=True)
    assert io.read_image(path).shape == (12, 10)


@pytest.mark.parametrize("name", ["a.jpg", "a.xyz", "nowhere/a.tif", "folder.tif"])
def test_rejects_output_that_cannot_be_written(tmp_path, name):
    (tmp_path / "folder.tif").mkdir()
    with pytest.raises(FileFormatError, match="^Got"):
        io.check_output(tmp_path / name, overwrite=True)


def test_detects_writer_that_changes_values(tmp_path, monkeypatch):
    def half(path, image, description):
        tifffile.imwrite(path, np.asarray(image.data) * 0.5)

    monkeypatch.setitem(io.WRITERS, ".ome.tif", half)
    with pytest.raises(FileFormatError, match="Got other values"):
        io.write_image(tmp_path / "a.ome.tif", small_image())
    assert list(tmp_path.iterdir()) == []


def test_keeps_nan(tmp_path):
    image = small_image()
    image.data[0, 0] = np.nan
    io.write_image(tmp_path / "a.ome.tif", image)
    assert np.isnan(io.read_image(tmp_path / "a.ome.tif").data[0, 0])


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
def test_reads_real_files(shared_data, name, axes, shape, voxel_size):
    image = io.read_image(shared_data / name)
    assert (image.axes, image.shape) == (axes, shape)
    assert dict(image.voxel_size) == pytest.approx(voxel_size, rel=2e-3)
