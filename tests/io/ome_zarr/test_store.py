"""Pixels of OME-Zarr: levels, missing chunks, and replacing of existing folders."""

from __future__ import annotations

import json

import numpy as np
import pytest
import zarr

from napari_dip.core.image.image import Image
from napari_dip.errors import FileFormatError, InputError, OutputExistsError
from napari_dip.io import images as io
from tests.io.ome_zarr.stores import image_of_shape, write_field, write_version_0_4


@pytest.fixture
def written(tmp_path):
    path = tmp_path / "a.ome.zarr"
    io.write_image(path, image_of_shape(2, 12, 10), description=json.dumps({"schema": 1}))
    return path


@pytest.mark.parametrize("dtype", ["float32", "uint8", "bool"])
def test_levels_halve_y_and_x_down_to_the_coarsest_size(tmp_path, dtype):
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
    # The centre of four pixels is at 1.5 pixels.
    assert shift["translation"] == [0.0, 0.375, 0.75]


def test_stores_the_report_as_an_attribute(written):
    assert zarr.open_group(str(written), mode="r").attrs["napari_dip"] == {"schema": 1}


def test_rejects_missing_zarr_chunk(written):
    next(path for path in (written / "0").rglob("0") if path.is_file()).unlink()
    with pytest.raises(FileFormatError, match="1 of 2 chunks are missing"):
        io.read_image(written)


@pytest.mark.parametrize("lazy", [False, True])
def test_rejects_truncated_zarr_chunk(written, lazy):
    chunk = next(path for path in (written / "0").rglob("0") if path.is_file())
    chunk.write_bytes(chunk.read_bytes()[:20])
    with pytest.raises(FileFormatError, match="^Got") as caught:
        np.asarray(io.read_image(written, lazy=lazy).data)
    assert "\n" not in str(caught.value)


def test_reads_chunks_of_zeros(tmp_path):
    black = Image(np.zeros((2, 12, 10), np.uint8), "ZYX")
    io.write_image(tmp_path / "a.ome.zarr", black, description="{}")
    assert io.read_image(tmp_path / "a.ome.zarr").shape == (2, 12, 10)


def test_output_by_blocks_keeps_position_and_channels(tmp_path):
    path = write_field(tmp_path / "a.zarr")
    image = io.read_image(path, lazy=True)
    with io.open_zarr_output(tmp_path / "b.ome.zarr", image) as (array, complete):
        array[...] = np.asarray(image.data)
        complete("{}")
    back = io.read_image(tmp_path / "b.ome.zarr")
    assert (back.position, back.channel_names) == (image.position, image.channel_names)


def test_finds_the_image_of_a_bioformats2raw_layout(tmp_path):
    path = tmp_path / "a.ome.zarr"
    zarr.create_group(str(path), zarr_format=2).attrs["bioformats2raw.layout"] = 3
    write_version_0_4(path / "0")
    assert io.read_image(path).shape == (2, 3, 12, 10)
    write_version_0_4(path / "1")
    with pytest.raises(FileFormatError, match="2 images; expected one"):
        io.read_image(path)
    assert io.read_image(path / "1").shape == (2, 3, 12, 10)


def test_reads_plain_zarr_array(tmp_path):
    zarr.save_array(str(tmp_path / "a.zarr"), np.ones((3, 12, 10), np.float32))
    assert io.read_image(tmp_path / "a.zarr").axes == "ZYX"


@pytest.mark.parametrize("attributes", [{"plate": {}}, {}], ids=["plate", "nothing"])
def test_rejects_group_without_image(tmp_path, attributes):
    zarr.create_group(str(tmp_path / "a.zarr")).attrs.update(attributes)
    with pytest.raises(FileFormatError, match="expected an OME-Zarr image"):
        io.read_image(tmp_path / "a.zarr")


@pytest.mark.parametrize("place", ["compressor", "filters"])
def test_rejects_zarr_codec_that_can_run_code(tmp_path, place):
    write_version_0_4(tmp_path / "a.zarr")
    file = tmp_path / "a.zarr" / "s0" / ".zarray"
    metadata = json.loads(file.read_text())
    codec = {"id": "pickle", "protocol": 5}
    metadata[place] = codec if place == "compressor" else [codec]
    file.write_text(json.dumps(metadata))
    with pytest.raises(FileFormatError, match="No Zarr data type found"):
        io.read_image(tmp_path / "a.zarr")


def test_rejects_complex_zarr(tmp_path):
    zarr.save_array(str(tmp_path / "a.zarr"), np.ones((12, 10), np.complex64))
    with pytest.raises(InputError, match="complex64"):
        io.read_image(tmp_path / "a.zarr")


def test_replaces_ome_zarr_only_with_overwrite(written):
    with pytest.raises(OutputExistsError, match="replace it"):
        io.write_image(written, image_of_shape(5, 12, 10))
    assert io.read_image(written).shape == (2, 12, 10)
    io.write_image(written, image_of_shape(5, 12, 10), overwrite=True)
    assert io.read_image(written).shape == (5, 12, 10)
    assert list(written.parent.iterdir()) == [written]


def a_folder_of_photographs(path):
    path.mkdir()
    (path / "holiday.jpg").write_text("precious")


def notes_beside_the_chunks(path):
    io.write_image(path, image_of_shape(12, 10))
    (path / "0" / "notes.txt").write_text("precious")


def a_file(path):
    path.write_text("precious")


@pytest.mark.parametrize("make", [a_folder_of_photographs, notes_beside_the_chunks, a_file])
def test_replaces_no_folder_with_other_files(tmp_path, make):
    path = tmp_path / "a.ome.zarr"
    make(path)
    before = io.sha256_of(path)
    for attempt in (
        lambda: io.check_output(path, overwrite=True),
        lambda: io.write_image(path, image_of_shape(12, 10), overwrite=True),
    ):
        with pytest.raises(FileFormatError, match="^Got output"):
            attempt()
    assert io.sha256_of(path) == before
    assert list(tmp_path.iterdir()) == [path]


def test_failed_rename_keeps_the_old_folder(written, monkeypatch):
    before = io.sha256_of(written)
    rename, calls = io.os.rename, []

    def fail_once(source, target):
        calls.append(target)
        if len(calls) == 2:
            raise OSError(5, "Input/output error")
        rename(source, target)

    monkeypatch.setattr(io.os, "rename", fail_once)
    with pytest.raises(FileFormatError, match="Input/output error"):
        io.write_image(written, image_of_shape(5, 12, 10), overwrite=True)
    assert io.sha256_of(written) == before
    assert list(written.parent.iterdir()) == [written]
