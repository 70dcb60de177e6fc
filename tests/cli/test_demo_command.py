"""The command demo."""

from __future__ import annotations

import json

import pytest

from napari_dip.cli import demo_command
from napari_dip.compare import baselines
from tests.cli.conftest import is_one_error, listing
from tests.tiny import tiny_config

_FILES = [
    "blurred.tif",
    "blurred_restored.ome.tif",
    "blurred_restored.ome.tif.json",
    "figure.png",
    "fluorescence.tif",
    "fluorescence_restored.ome.tif",
    "fluorescence_restored.ome.tif.json",
    "noisy.tif",
    "numbers.json",
    "restored.ome.tif",
    "restored.ome.tif.json",
    "tissue.tif",
    "tissue_restored.ome.tif",
    "tissue_restored.ome.tif.json",
]


@pytest.fixture
def quick(monkeypatch):
    """Fit for three iterations, and leave out the baselines of other libraries."""
    monkeypatch.setattr(demo_command, "DEMO", tiny_config(3, threads=1))
    own = tuple(one for one in baselines.BASELINES if one.library is None)
    monkeypatch.setattr(baselines, "BASELINES", own)


def test_demo_writes_figure_and_numbers(call, tmp_path, quick):
    for _ in range(2):  # the default folder is replaced
        code, out, _ = call("demo")
        assert code == 0
    folder = tmp_path / "napari-dip-demo"
    assert listing(folder) == _FILES
    report = json.loads(out)
    assert report == json.loads((folder / "restored.ome.tif.json").read_text())
    assert {"psnr", "psnr_observation"} <= report.keys()
    assert (folder / "figure.png").read_bytes().startswith(b"\x89PNG")


def test_demo_measures_each_image_before_and_after_and_beside_another_method(call, tmp_path, quick):
    _, _, err = call("demo", "-o", tmp_path / "out")
    numbers = json.loads((tmp_path / "out" / "numbers.json").read_text())["rows"]
    images = list(dict.fromkeys(one["image"] for one in numbers))
    assert len(images) == 4
    for image in images:
        before, after, rival = (one for one in numbers if one["image"] == image)
        assert (before["method"], before["seconds"]) == ("degraded", None)
        assert after["method"] == "napari-dip"
        assert rival["psnr"] > before["psnr"]
        assert rival["seconds"] > 0
        assert f"{image}: degraded {before['psnr']:.2f} dB, napari-dip" in err


def test_demo_ends_after_an_interruption_with_the_result_so_far(call, tmp_path, quick, monkeypatch):
    monkeypatch.setattr(demo_command, "exit_code", lambda result, path: 130)
    code, out, _ = call("demo", "-o", tmp_path / "out")
    assert code == 130
    assert json.loads(out)["output"] == str(tmp_path / "out" / "restored.ome.tif")
    assert listing(tmp_path / "out") == [
        "figure.png", "noisy.tif", "numbers.json", "restored.ome.tif", "restored.ome.tif.json"
    ]  # fmt: skip


def test_demo_refuses_to_replace_files_in_a_user_folder(call, tmp_path, no_work):
    tmp_path.joinpath("noisy.tif").write_text("precious")
    code, _, err = call("demo", "-o", tmp_path)
    assert code == 2
    assert is_one_error(err)
    assert tmp_path.joinpath("noisy.tif").read_text() == "precious"
