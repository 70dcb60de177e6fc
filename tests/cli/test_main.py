"""The commands evaluate and info, and the help."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np

from tests.cli.conftest import is_one_error
from tests.tiny import waves


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


def test_help_and_version_import_no_heavy_library():
    heavy = {"torch", "tifffile", "napari", "scipy", "skimage", "matplotlib"}
    code = (
        "import sys; from napari_dip.cli.main import main; "
        "codes = [main(['--help']), main(['denoise', '--help']), main(['--version'])]; "
        f"assert codes == [0, 0, 0] and not {heavy!r} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
