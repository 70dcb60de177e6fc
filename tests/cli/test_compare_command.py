"""The command compare."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tifffile

from napari_dip import metrics
from napari_dip.io import images as io
from tests.tiny import noisy_waves, waves


def test_compare_writes_a_table_a_figure_and_every_result(call, noisy, tmp_path):
    tifffile.imwrite(tmp_path / "clean.tif", waves((24, 20)).astype(np.float32))
    words = ("compare", noisy, "--config", "tiny.json", "--reference", "clean.tif")
    code, out, _ = call(*words, "--json")
    rows = json.loads(out)["rows"]
    assert code == 0
    assert [row["method"] for row in rows][:2] == ["Deep Image Prior", "total variation"]
    folder = tmp_path / "noisy_compare"
    assert json.loads((folder / "table.json").read_text())["rows"] == rows
    truth = waves((24, 20)).astype(np.float32)
    for row in rows:
        written = io.read_image(folder / f"{row['method'].lower().replace(' ', '_')}.ome.tif")
        assert row["psnr"] == pytest.approx(metrics.psnr(written.data, truth))
    assert (folder / "figure.png").stat().st_size > 1000
    code, _, err = call(*words)
    assert code == 2
    assert "--overwrite" in err


def test_compare_prints_a_table_without_a_reference(call, noisy):
    code, out, _ = call("compare", noisy, "--config", "tiny.json")
    assert code == 0
    assert out.splitlines()[0].split() == ["method", "psnr", "ssim", "seconds"]


@pytest.mark.parametrize(
    ("words", "method", "shape"),
    [
        (("inpaint", "--mask", "mask.tif"), "biharmonic", (24, 20)),
        (("super-resolve", "--factor", "2"), "lanczos", (48, 40)),
        (("deconvolve", "--sigma", "1"), "richardson-lucy", (24, 20)),
        (("dejpeg",), "non-local_means", (24, 20)),
        (("guided", "--guide", "noisy.tif"), "total_variation", (24, 20)),
        (("fourier", "--mask", "columns.npy"), "zero-filled", (24, 20)),
    ],
)
def test_compare_runs_every_task_with_its_baselines(call, noisy, tmp_path, words, method, shape):
    mask = np.zeros((24, 20), np.uint8)
    mask[4:7, 5:9] = 1
    tifffile.imwrite(tmp_path / "mask.tif", mask)
    np.save(tmp_path / "columns.npy", np.tile(np.arange(20) % 2 == 0, (24, 1)))
    code, out, err = call("compare", noisy, "--config", "tiny.json", "--json", "--task", *words)
    assert code == 0, err
    assert json.loads(out)["report"]["task"] == words[0]
    folder = tmp_path / "noisy_compare"
    assert io.read_image(folder / f"{method}.ome.tif").shape == shape
    assert (folder / "figure.png").stat().st_size > 1000


def test_compare_refuses_to_write_over_the_mask(call, noisy, tmp_path):
    (tmp_path / "out").mkdir()
    tifffile.imwrite(tmp_path / "out" / "biharmonic.ome.tif", np.eye(24, 20, dtype=np.uint8))
    words = ("--mask", "out/biharmonic.ome.tif", "-o", "out", "--overwrite")
    code, _, err = call("compare", noisy, "--task", "inpaint", *words)
    assert code == 2
    assert "biharmonic" in err


def test_compare_refuses_missing_pixels(call, tmp_path):
    values = noisy_waves((24, 20))
    values[3, 3] = np.nan
    np.save(tmp_path / "hole.npy", values)
    code, _, err = call("compare", tmp_path / "hole.npy")
    assert code == 3
    assert "inpaint" in err
