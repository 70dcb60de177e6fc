"""Restoration from Zarr to OME-Zarr block by block, without the complete image in memory."""

from __future__ import annotations

import json

import numpy as np
import pytest
import zarr

from napari_dip import metrics, restore
from napari_dip.api import finish
from napari_dip.cli import main as cli
from napari_dip.cli import restore_file as restoring
from napari_dip.core.image.image import Image
from napari_dip.core.tasks import SuperResolve
from napari_dip.errors import FileFormatError, UsageError
from napari_dip.io import images as io
from tests.tiny import noisy_waves, spied_sizes, tiny_config

CONFIG = tiny_config(2, tile=24, overlap=4)


@pytest.fixture
def stack(tmp_path):
    """Return the path of an OME-Zarr and its image."""
    planes = np.stack([noisy_waves((40, 33)) + n for n in range(3)]).astype(np.uint16)
    planes[1] = 7
    image = Image(planes, "ZYX", {"Z": 2.0, "Y": 0.5, "X": 0.5}, dict.fromkeys("ZYX", "micrometer"))
    path = tmp_path / "stack.ome.zarr"
    io.write_image(path, image)
    (tmp_path / "tiny.json").write_text(CONFIG.model_dump_json())
    return path, image


def call(*words):
    return cli.main([str(word) for word in words])


@pytest.mark.parametrize("name", ["out.ome.zarr", "out.zarr"])
def test_result_by_blocks_equals_that_in_memory(stack, tmp_path, name):
    path, image = stack
    output = tmp_path / name
    assert call("denoise", path, "-o", output, "--config", tmp_path / "tiny.json") == 0
    expected = finish(restore(image, config=CONFIG))
    written = io.read_image(output)
    np.testing.assert_array_equal(written.data, expected.image.data)
    assert (written.axes, written.voxel_size) == ("ZYX", image.voxel_size)
    report = json.loads((tmp_path / f"{name}.json").read_text())
    assert zarr.open_group(str(output), mode="r").attrs["napari_dip"] == report
    assert report["tiling"]["seam_ratio"] == pytest.approx(expected.report.tiling.seam_ratio)
    assert report["input"]["sha256"] == io.sha256_of(path)


@pytest.mark.parametrize("command", ["denoise", "batch"])
def test_reads_and_writes_at_most_one_block_at_a_time(stack, tmp_path, monkeypatch, command):
    path, _ = stack
    sizes = spied_sizes(monkeypatch)
    words = [command, path, "-o", tmp_path / "out.ome.zarr", "--config", tmp_path / "tiny.json"]
    if command == "batch":
        words += ["--suffix", ".ome.zarr"]
    assert call(*words) == 0
    assert len(sizes) > 20
    # More than a block is read only for the intensity range, and to search stripes.
    assert sum(size > 40 * 33 for size in sizes) <= 2


@pytest.mark.parametrize("seams", [{1: [(10, 14)]}, {2: [(9, 12)], 0: [(1, 2)]}])
def test_seam_ratio_of_a_lazy_array_equals_that_in_memory(stack, seams):
    path, image = stack
    lazy = io.read_image(path, lazy=True).data
    assert metrics.seam_ratio(lazy, seams) == pytest.approx(metrics.seam_ratio(image.data, seams))


def test_stopped_run_keeps_the_other_blocks_as_observed(stack, tmp_path, monkeypatch):
    path, image = stack
    original = restoring.restore_image

    def stopped(*args, **options):
        from napari_dip.core.restoration.progress import finish
        from napari_dip.core.restoration.restore import restore

        image, task, config, *_ = args
        return finish(restore(image, task, config, stop_requested=lambda: True, **options))

    monkeypatch.setattr(restoring, "restore_image", stopped)
    output = tmp_path / "out.ome.zarr"
    assert call("denoise", path, "-o", output, "--config", tmp_path / "tiny.json") == 130
    written = io.read_image(output).data
    np.testing.assert_array_equal(written[1:], image.data[1:].astype(np.float32))
    assert (written[0] != image.data[0]).any()
    assert original is not stopped


@pytest.mark.parametrize("failure", [KeyboardInterrupt, FileFormatError("Got no disk.")])
def test_failed_run_leaves_no_output(stack, tmp_path, monkeypatch, failure):
    path, _ = stack

    def failing(*args, out, **options):
        out[0, :5, :5] = 1
        raise failure

    monkeypatch.setattr(restoring, "restore_image", failing)
    assert call("denoise", path, "-o", tmp_path / "out.ome.zarr") != 0
    assert sorted(each.name for each in tmp_path.iterdir()) == ["stack.ome.zarr", "tiny.json"]


def test_missing_chunk_leaves_no_output(stack, tmp_path):
    _, image = stack
    with pytest.raises(FileFormatError, match="Got other values"):  # noqa: PT012
        with io.open_zarr_output(tmp_path / "out.ome.zarr", image) as (array, complete):
            array[0] = image.data[0]
            complete("{}")
    assert not (tmp_path / "out.ome.zarr").exists()


def test_incomplete_output_is_deleted(stack, tmp_path):
    _, image = stack
    with io.open_zarr_output(tmp_path / "out.ome.zarr", image) as (array, _):
        array[...] = image.data
    assert sorted(each.name for each in tmp_path.iterdir()) == ["stack.ome.zarr", "tiny.json"]


def test_rejects_output_array_of_wrong_shape_or_dtype():
    values = noisy_waves((16, 16))
    for out in (np.empty((16, 15), np.float32), np.empty((16, 16))):
        with pytest.raises(UsageError, match="expected .*float32"):
            finish(restore(values, config=tiny_config(1), out=out))
    with pytest.raises(UsageError, match="super-resolve"):
        finish(restore(values, SuperResolve(2), tiny_config(1), out=np.empty((32, 32), np.float32)))
