"""Batch from the command line: results, failures and interruption."""

from __future__ import annotations

import json
import os
import signal
import time

import numpy as np

from napari_dip.cli import main as cli
from napari_dip.core.image.image import Image
from napari_dip.core.restoration import restore as core
from napari_dip.errors import InputError
from napari_dip.io import images as io
from napari_dip.io import results as outputs
from tests.batch.conftest import lines, pixels, save_noisy
from tests.tiny import noisy_waves


def test_each_image_gets_a_result_a_report_and_a_record(call, folder):
    code, out, err = call("in")
    assert code == 0
    assert out == "out: 3 restored, 0 failed, 0 done before, 0 left\n"
    assert [line.split("]")[0] for line in err.splitlines()] == [
        f"napari-dip: [{n}/3" for n in (1, 2, 3)
    ]
    for name, record in zip("abc", lines(folder / "out"), strict=True):
        output = folder / "out" / f"{name}_denoise.ome.tif"
        assert record["output"] == output.name
        assert record["output_sha256"] == io.sha256_of(output)
        assert record["input_sha256"] == io.sha256_of(folder / "in" / f"{name}.tif")
        assert record["error"] is None
        assert record["stop_reason"] == "max_iterations"
        report = json.loads(outputs.report_path(output).read_text())
        assert report["input"]["sha256"] == record["input_sha256"]


def test_batch_gives_the_same_pixels_as_single_runs(call, folder):
    call("in")
    cli.main(["denoise", "in/b.tif", "--config", "tiny.json", "-o", "b.tif"])
    single = np.asarray(io.read_image(folder / "b.tif").data).tobytes()
    assert pixels(folder / "out")["b_denoise.ome.tif"] == single


def test_json_prints_only_one_object_on_stdout(call):
    _, out, _ = call("in", "--json")
    summary = json.loads(out)
    assert (summary["restored"], summary["failed"], len(summary["items"])) == (3, 0, 3)


def test_batch_uses_the_options_and_files_of_its_task(call, folder):
    mask = np.zeros((16, 16), np.uint8)
    mask[4:6] = 1
    io.write_image(folder / "in" / "mask.png", Image(mask, "YX"))
    code, out, _ = call("in", "--task", "inpaint", "--mask", "in/mask.png", "--suffix", ".ome.zarr")
    assert (code, out.split(",")[0]) == (0, "out: 3 restored")  # without the mask
    restored = np.asarray(io.read_image(folder / "out" / "a_inpaint.ome.zarr").data)
    before = np.asarray(io.read_image(folder / "in" / "a.tif").data)
    np.testing.assert_array_equal(restored[mask == 0], before[mask == 0])
    assert (restored[mask == 1] != before[mask == 1]).any()


def test_damaged_file_gets_an_error_and_the_others_are_restored(call, folder):
    for seed in range(20):
        save_noisy(folder / "in" / f"{seed:02}.tif", seed=seed)
    damaged = folder / "in" / "07.tif"
    damaged.write_bytes(damaged.read_bytes()[:300])
    code, out, err = call("in")
    assert code == InputError.exit_code
    assert out.startswith("out: 22 restored, 1 failed")
    (line,) = [line for line in err.splitlines() if "error" in line]
    assert "07.tif: error: Got" in line
    assert "Traceback" not in err
    (failed,) = [record for record in lines(folder / "out") if record["error"]]
    assert failed["output_sha256"] is None
    assert not (folder / "out" / "07_denoise.ome.tif").exists()
    save_noisy(damaged)  # the file is repaired
    assert call("in", "--resume")[:2] == (0, "out: 1 restored, 0 failed, 22 done before, 0 left\n")


def test_unexpected_error_affects_only_one_image(call, monkeypatch):
    write = outputs.write_result

    def fail(output, *args, **options):
        if output.name.startswith("b"):
            raise ValueError("odd")
        return write(output, *args, **options)

    monkeypatch.setattr(outputs, "write_result", fail)
    code, out, err = call("in")
    assert (code, out.split(", 0 done")[0]) == (1, "out: 2 restored, 1 failed")
    assert "Unexpected ValueError: odd" in err


def test_ctrl_c_keeps_finished_results(call, folder, monkeypatch):
    restore, calls = core.restore, []

    def interrupted(*args, **options):
        calls.append(args)
        if len(calls) == 2:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0)  # a bytecode at which the handler runs
        return restore(*args, **options)

    monkeypatch.setattr(core, "restore", interrupted)
    code, out, err = call("in")
    assert (code, out) == (130, "out: 1 restored, 0 failed, 0 done before, 2 left\n")
    assert "--resume" in err
    assert list(pixels(folder / "out")) == ["a_denoise.ome.tif"]


def test_restores_files_with_blank_frames(call, folder):
    frames = np.stack([noisy_waves((16, 16)), np.zeros((16, 16)), noisy_waves((16, 16))])
    io.write_image(folder / "in" / "a.tif", Image(frames.astype(np.float32), "TYX"), overwrite=True)
    code, _, _ = call("in")
    assert code == 0
    result = io.read_image(folder / "out" / "a_denoise.ome.tif").data
    assert not result[1].any()
    assert (result[[0, 2]] != 0).mean() > 0.99
