"""Restoring a file: results, reports, configuration and estimates."""

from __future__ import annotations

import json
import re
from importlib.util import find_spec

import numpy as np
import pytest
import tifffile

from napari_dip.core.image.image import Image
from napari_dip.io import images as io
from tests.cli.conftest import is_one_error, listing
from tests.tiny import noisy_waves, tiny_config, waves


def test_denoise_writes_image_and_report(call, noisy):
    code, out, err = call("denoise", noisy, "--config", "tiny.json")
    assert (code, err) == (0, "")
    assert out.startswith(str(noisy.with_name("noisy_denoise.ome.tif")))
    restored = io.read_image(noisy.with_name("noisy_denoise.ome.tif"))
    assert (restored.shape, restored.dtype) == ((24, 20), np.float32)
    report = json.loads(noisy.with_name("noisy_denoise.ome.tif.json").read_text())
    assert report["task"] == "denoise"
    assert report["iterations"] == 4


def test_json_prints_only_the_report_on_stdout(call, noisy):
    code, out, _ = call("denoise", noisy, "--config", "tiny.json", "--json", "-o", "out.tif")
    report = json.loads(out)
    assert code == 0
    assert out.count("\n") == 1
    assert report == json.loads(noisy.with_name("out.tif.json").read_text())
    assert report["input"]["path"] == str(noisy)
    assert report["input"]["sha256"] == io.sha256_of(noisy)
    assert "psnr" not in report


def test_tiff_tags_contain_the_report(call, noisy):
    call("denoise", noisy, "--config", "tiny.json", "-o", "out.tif")
    with tifffile.TiffFile(noisy.with_name("out.tif")) as file:
        tags = " ".join(str(tag.value) for tag in file.pages[0].tags)
    assert io.sha256_of(noisy) in tags


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("a.tif", "a_denoise.ome.tif", id="short"),
        pytest.param("a.b.OME.TIF", "a.b_denoise.ome.tif", id="long"),
    ],
)
def test_default_output_is_named_after_image_and_task(call, tmp_path, name, expected):
    tifffile.imwrite(tmp_path / name, noisy_waves((16, 16)).astype(np.float32))
    code, _, err = call("denoise", name, "--config", "tiny.json")
    assert (code, err) == (0, "")
    assert expected in listing(tmp_path)


@pytest.mark.parametrize("suffix", io.WRITERS)
def test_every_format_is_read_and_written(call, tmp_path, suffix):
    values = noisy_waves((24, 20)).clip(0, 255)
    before = Image(values, "YX", {"Y": 0.5, "X": 0.25}, dict.fromkeys("YX", "micrometer"))
    io.write_image(tmp_path / f"in{suffix}", before, dtype=np.uint8)
    words = (f"in{suffix}", "--config", "tiny.json", "-o", f"out{suffix}")
    assert call("denoise", *words)[0] == 0
    again = call("denoise", *words)
    assert again[0] == 2
    assert is_one_error(again[2])
    assert call("denoise", *words, "--overwrite")[0] == 0
    after = io.read_image(tmp_path / f"out{suffix}")
    assert after.shape == (24, 20)
    if suffix not in (".npy", ".png"):
        assert (dict(after.voxel_size), dict(after.units)) == (before.voxel_size, before.units)


def test_png_has_the_dtype_of_the_image(call, tmp_path):
    np.save(tmp_path / "image.npy", noisy_waves((16, 16)).clip(0, 255).astype(np.uint8))
    code, _, err = call("denoise", "image.npy", "--config", "tiny.json", "-o", "out.png")
    assert (code, err) == (0, "")
    assert io.read_image(tmp_path / "out.png").dtype == np.uint8


def test_reference_adds_psnr_and_ssim_to_the_report(call, noisy, tmp_path):
    np.save(tmp_path / "truth.npy", waves((24, 20)))
    options = ("--config", "tiny.json", "--reference", "truth.npy")
    _, out, _ = call("denoise", noisy, *options, "--json")
    report = json.loads(out)
    assert {"psnr", "ssim", "best_psnr", "best_iteration"} <= report.keys()
    _, out, _ = call("denoise", noisy, *options, "--overwrite")
    assert f"psnr {report['psnr']:.2f} dB" in out


def test_affine_ignores_the_scale_of_the_reference(call, noisy, tmp_path):
    np.save(tmp_path / "truth.npy", waves((24, 20)))
    np.save(tmp_path / "scaled.npy", waves((24, 20)) * 3 - 500)
    psnr = []
    for name in ("truth", "scaled"):
        options = ("--config", "tiny.json", "--json", "-o", f"{name}.tif")
        _, out, _ = call("denoise", noisy, *options, "--affine", "--reference", f"{name}.npy")
        psnr.append(json.loads(out)["psnr"])
    assert psnr[0] == pytest.approx(psnr[1], abs=1e-3)


@pytest.mark.parametrize("runs", ["1", "2"])
def test_uncertainty_is_written_for_one_run_and_for_several(call, noisy, tmp_path, runs):
    options = ("--config", "tiny.json", "--runs", runs, "--uncertainty", "std.tif")
    code, _, err = call("denoise", noisy, *options)
    assert (code, err) == (0, "")
    spread = np.asarray(io.read_image(tmp_path / "std.tif").data)
    assert spread.shape == (24, 20)
    assert spread.max() > 0


def test_saved_configuration_repeats_the_run(call, noisy, tmp_path):
    _, first, _ = call("denoise", noisy, "--config", "tiny.json", "--seed", 7,
                       "--save-config", "saved.json", "-o", "a.tif", "--json")  # fmt: skip
    _, again, _ = call("denoise", noisy, "--config", "saved.json", "-o", "b.tif", "--json")
    assert json.loads(again)["config"] == json.loads(first)["config"]
    assert json.loads(again)["seed"] == 7
    np.testing.assert_array_equal(
        io.read_image(tmp_path / "a.tif").data, io.read_image(tmp_path / "b.tif").data
    )


def test_saved_configuration_repeats_a_run_over_volumes(call, tmp_path, noisy):
    stack = np.random.default_rng(0).poisson(50, (3, 24, 20)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "stack.tif", stack, imagej=True, metadata={"axes": "ZYX"})
    words = ("super-resolve", "stack.tif", "--factor", "z=2", "--overwrite")
    assert call(*words, "--config", "tiny.json", "--save-config", "saved.json")[0] == 0
    assert json.loads((tmp_path / "saved.json").read_text())["dims"] == 3
    assert call(*words, "--config", "saved.json")[0] == 0


def test_options_override_the_configuration_file(call, noisy):
    options = ("--config", "tiny.json", "--max-iterations", "2", "--dims", "2", "--json")
    _, out, _ = call("denoise", noisy, *options)
    assert json.loads(out)["iterations"] == 2


def test_report_is_accepted_as_configuration(call, noisy):
    call("denoise", noisy, "--config", "tiny.json", "--seed", 3, "-o", "a.tif")
    _, out, _ = call("denoise", noisy, "--config", "a.tif.json", "-o", "b.tif", "--json")
    assert json.loads(out)["seed"] == 3


def test_estimate_prints_time_and_memory_and_writes_nothing(call, noisy, tmp_path):
    noisy.with_name("noisy_denoise.ome.tif").write_text("precious")
    before = listing(tmp_path)
    code, out, err = call("denoise", noisy, "--config", "tiny.json", "--estimate")
    assert (code, err) == (0, "")
    assert re.fullmatch(r"at most \d+ s: \d+ iterations of \S+ s; \d+\.\d GB of memory\n", out)
    code, out, _ = call("denoise", noisy, "--config", "tiny.json", "--estimate", "--json")
    assert json.loads(out)["iterations"] == tiny_config().complete().max_iterations
    assert listing(tmp_path) == before


def test_estimate_of_a_run_without_a_fit_has_no_iterations(call, noisy):
    _, out, _ = call("denoise", noisy, "--preset", "fast", "--estimate")
    assert re.fullmatch(
        r"at most \d+ s: the first answer, without a fit; \d+\.\d GB of memory\n", out
    )


def test_estimate_of_zarr_to_zarr_writes_nothing(call, tmp_path):
    stack = np.stack([noisy_waves((24, 20))] * 3)
    io.write_image(tmp_path / "in.zarr", Image(stack, "ZYX"))
    before = listing(tmp_path)
    words = (
        "denoise",
        "in.zarr",
        "-o",
        "out.zarr",
        "--config",
        "tiny.json",
        "--estimate",
        "--json",
    )
    code, out, err = call(*words)
    assert (code, err) == (0, "")
    assert json.loads(out)["blocks"] == 3
    assert listing(tmp_path) == before


def test_tile_options_are_used_and_reported(call, noisy):
    options = ("--config", "tiny.json", "--tile", "16", "--overlap", "4", "--json")
    code, out, _ = call("denoise", noisy, *options)
    report = json.loads(out)
    assert code == 0
    fields = {"tile", "overlap", "tiles", "skipped", "seam_ratio", "seam_chance"}
    assert report["tiling"].keys() == fields
    assert (report["tiling"]["tile"], report["tiling"]["tiles"]) == (16, 4)
    np.save("columns.npy", np.tile(np.arange(20) % 2 == 0, (24, 1)))
    code, _, err = call("fourier", noisy, "--mask", "columns.npy", *options)
    assert code == 2
    assert "Got tiles of 16 pixels for fourier" in err


@pytest.mark.skipif(find_spec("optuna") is None, reason="needs the extra tune")
def test_tuning_is_reported_and_can_be_repeated(call, noisy, monkeypatch):
    errors = iter([1.2, 1.1, None])
    monkeypatch.setattr("napari_dip.core.fitting.tune._heldout_error", lambda *_: next(errors))
    tifffile.imwrite(noisy, noisy_waves((48, 48)).astype(np.float32))
    code, out, err = call("denoise", noisy, "--config", "tiny.json", "--tune", "1e6", "--json")
    assert code == 0
    assert "tuned by 2 trials" in err
    report = json.loads(out)
    assert [trial["heldout_error"] for trial in report["diagnostics"]["trials"]] == [1.2, 1.1]
    saved = noisy.with_name("noisy_denoise.ome.tif.json")
    again = json.loads(call("denoise", noisy, "--config", saved, "--json", "-o", "again.tif")[1])
    assert again["config"] == report["config"]
    assert "trials" not in again["diagnostics"]


def test_voxel_size_is_read_by_axis_and_written(call, tmp_path):
    np.save(tmp_path / "stack.npy", np.random.default_rng(0).random((3, 16, 16)))
    words = ("denoise", "stack.npy", "--config", "tiny.json", "--overwrite", "-o", "out.ome.tif")
    code, _, err = call(*words, "--voxel-size", "z=0.3,y=0.1,x=0.2")
    assert code == 0, err
    written = io.read_image(tmp_path / "out.ome.tif")
    assert written.voxel_size == pytest.approx({"Z": 0.3, "Y": 0.1, "X": 0.2})
    assert call(*words, "--voxel-size", "0.1")[0] == 0
    assert io.read_image(tmp_path / "out.ome.tif").voxel_size == {"Y": 0.1, "X": 0.1}
    # From a report it is read again.
    report = str(tmp_path / "out.ome.tif.json")
    assert call("denoise", "stack.npy", "--config", report, "-o", "again.ome.tif")[0] == 0
    assert io.read_image(tmp_path / "again.ome.tif").voxel_size == {"Y": 0.1, "X": 0.1}
