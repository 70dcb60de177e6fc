"""The commands evaluate, info and demo, and the help."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np

from napari_dip.cli import main as cli
from tests.cli.conftest import is_one_error, listing
from tests.tiny import tiny_config, waves


def test_evaluate_compares_two_files(call, noisy, tmp_path):
    np.save(tmp_path / "truth.npy", waves((24, 20)))
    code, out, _ = call("evaluate", noisy, "truth.npy", "--json")
    values = json.loads(out)
    assert code == 0
    assert values.keys() == {"psnr", "ssim", "nrmse", "frc"}
    assert 10 < values["psnr"] < 20
    _, out, _ = call("evaluate", noisy, "truth.npy")
    assert f"{values['psnr']:.6g}" in out


def test_evaluate_of_equal_images_is_valid_json(call, noisy):
    _, out, _ = call("evaluate", noisy, noisy, "--json")

    def refuse(constant):
        raise AssertionError(constant)

    assert json.loads(out, parse_constant=refuse)["psnr"] is None


def test_evaluate_refuses_another_shape(call, noisy, tmp_path):
    np.save(tmp_path / "truth.npy", waves((8, 8)))
    code, out, err = call("evaluate", noisy, "truth.npy", "--json")
    assert (code, out) == (3, "")
    assert is_one_error(err)


def test_info_lists_devices_versions_and_missing_libraries(call):
    code, out, _ = call("info", "--json")
    machine = json.loads(out)
    assert code == 0
    assert "cpu" in machine["devices"]
    assert {"versions", "precision", "threads", "free_memory_bytes", "missing"} <= machine.keys()
    assert "free_memory_bytes" in call("info")[1]


def test_demo_writes_figure_and_numbers(call, tmp_path, monkeypatch):
    monkeypatch.setattr(cli, "DEMO", tiny_config(3, threads=1))
    for _ in range(2):  # the default folder is replaced
        code, out, _ = call("demo")
        assert code == 0
    folder = tmp_path / "napari-dip-demo"
    assert listing(folder) == [
        "figure.png", "noisy.tif", "restored.ome.tif", "restored.ome.tif.json"
    ]  # fmt: skip
    report = json.loads(out)
    assert report == json.loads((folder / "restored.ome.tif.json").read_text())
    assert {"psnr", "psnr_observation"} <= report.keys()
    assert (folder / "figure.png").read_bytes().startswith(b"\x89PNG")


def test_demo_refuses_to_replace_files_in_a_user_folder(call, tmp_path, no_work):
    tmp_path.joinpath("noisy.tif").write_text("precious")
    code, _, err = call("demo", "-o", tmp_path)
    assert code == 2
    assert is_one_error(err)
    assert tmp_path.joinpath("noisy.tif").read_text() == "precious"


def test_help_and_version_import_no_heavy_library():
    heavy = {"torch", "tifffile", "napari", "scipy", "skimage", "matplotlib"}
    code = (
        "import sys; from napari_dip.cli.main import main; "
        "codes = [main(['--help']), main(['denoise', '--help']), main(['--version'])]; "
        f"assert codes == [0, 0, 0] and not {heavy!r} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
