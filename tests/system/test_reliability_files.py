"""File names, outputs and configurations on the command line; no result is lost."""

from __future__ import annotations

import errno
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_dip.cli import main as cli
from napari_dip.errors import FileFormatError
from napari_dip.io import atomic
from napari_dip.io import images as io
from napari_dip.io import results as outputs
from tests.tiny import noisy_waves, tiny_config

PIXELS = np.random.default_rng(0).integers(0, 255, (64, 64), dtype=np.uint8)
POSIX = pytest.mark.skipif(os.name == "nt", reason="Windows has no such files or names")


@pytest.fixture
def call(capsys, monkeypatch, tmp_path):
    """Return a function that runs a command and returns exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    tmp_path.joinpath("tiny.json").write_text(tiny_config(2, threads=1).model_dump_json())
    tifffile.imwrite("a.tif", noisy_waves((20, 16)).astype(np.float32))

    def run(*words):
        code = cli.main([*map(str, words), "--config", "tiny.json"])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


def names(folder):
    return sorted(path.name for path in folder.iterdir())


# Names and outputs

NAMES = ["with space", "ünïcödé 細胞", "-dash", "quote ' \" $;&", "100%{}[b]", "a.b.c", "x" * 200]


@POSIX
@pytest.mark.parametrize("name", NAMES, ids=lambda name: name[:12])
def test_accepts_any_valid_file_name(call, tmp_path, name):
    shutil.copy("a.tif", tmp_path / f"{name}.tif")
    assert call("denoise", tmp_path / f"{name}.tif")[0] == 0
    assert {f"{name}_denoise.ome.tif", f"{name}_denoise.ome.tif.json"} <= set(names(tmp_path))


@pytest.mark.parametrize(
    ("output", "code"),
    [
        ("a.tif", 2),
        ("nowhere/b.tif", 3),
        ("b", 3),
        ("folder", 3),
        ("folder.tif", 3),
        ("x" * 251 + ".tif", 3),
        ("x" * 300 + ".tif", 3),
        ("tiny.json", 2),
    ],
    ids=lambda value: str(value)[:12],
)
def test_rejects_impossible_output_before_the_fit(call, tmp_path, monkeypatch, output, code):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder.tif").mkdir()
    before = names(tmp_path), io.sha256_of("a.tif")
    monkeypatch.setattr(outputs, "write_result", lambda *args, **options: pytest.fail("worked"))
    got, _, err = call("denoise", "a.tif", "-o", output, "--overwrite")
    assert got == code
    assert err.startswith("napari-dip: error: Got")
    assert err.count("\n") == 1
    assert (names(tmp_path), io.sha256_of("a.tif")) == before


def test_rejects_output_that_links_to_the_input(call, tmp_path):
    (tmp_path / "link.tif").symlink_to("a.tif")
    assert call("denoise", "a.tif", "-o", "link.tif", "--overwrite")[0] == 2
    assert call("denoise", "link.tif", "-o", "a.tif", "--overwrite")[0] == 2


def test_rejects_unwritable_folder_before_the_fit(call, monkeypatch):
    def touch(path):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "touch", touch)
    code, _, err = call("denoise", "a.tif")
    assert code == 3
    assert "Permission denied" in err
    with pytest.raises(FileFormatError):
        atomic.check_writable(Path("b.tif"))


def test_rejects_rgb_for_nifti_before_the_fit(call, tmp_path, monkeypatch):
    tifffile.imwrite("rgb.tif", np.stack([PIXELS] * 3, -1), photometric="rgb")
    monkeypatch.setattr(outputs, "write_result", lambda *args, **options: pytest.fail("worked"))
    assert call("denoise", "rgb.tif", "-o", "b.nii.gz")[0] == 3


# Results that cannot be written


@pytest.fixture
def temporary_folder(monkeypatch, tmp_path_factory):
    """Return the folder for results that cannot be written."""
    folder = tmp_path_factory.mktemp("temporary_folder")
    monkeypatch.setattr(outputs.tempfile, "mkdtemp", lambda prefix: str(folder))
    return folder


def after_the_fit(monkeypatch, happen):
    """Call a function between the fit and the writing of its result."""
    write = outputs.write_result

    def late(*args, **options):
        happen()
        return write(*args, **options)

    monkeypatch.setattr(outputs, "write_result", late)


def remove_the_folder():
    shutil.rmtree("out")


def write_the_same():
    tifffile.imwrite("out/b.tif", PIXELS)


@pytest.mark.parametrize(
    ("happen", "code"), [(remove_the_folder, 3), (write_the_same, 2)], ids=["removed", "taken"]
)
def test_lost_output_path_saves_the_result_to_the_temporary_folder(
    call, tmp_path, monkeypatch, temporary_folder, happen, code
):
    (tmp_path / "out").mkdir()
    after_the_fit(monkeypatch, happen)
    got, _, err = call("denoise", "a.tif", "-o", "out/b.tif")
    assert got == code
    assert f"The result is saved as {temporary_folder / 'b.tif'}." in err
    assert io.read_image(temporary_folder / "b.tif").shape == (20, 16)


def test_full_disk_saves_the_result_to_the_temporary_folder(
    call, tmp_path, monkeypatch, temporary_folder
):
    (tmp_path / "out").mkdir()
    flush = io.flush

    def full(path):
        if path.parent.name == "out":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        flush(path)

    monkeypatch.setattr(io, "flush", full)
    code, _, err = call("denoise", "a.tif", "-o", "out/b.tif")
    assert (code, names(tmp_path / "out")) == (3, [])
    assert "No space left" in err
    assert names(temporary_folder) == ["b.tif"]


def test_report_identifies_the_input_as_it_was_read(call, monkeypatch):
    before = io.sha256_of("a.tif")
    after_the_fit(monkeypatch, Path("a.tif").unlink)
    code, out, _ = call("denoise", "a.tif", "-o", "b.tif", "--json")
    assert code == 0
    assert json.loads(out)["input"]["sha256"] == before


# Configurations and reports

CONFIGURATIONS = {
    "cut": "{",
    "empty": "",
    "a list": "[]",
    "deep": "[" * 100_000,
    "unknown": '{"fluency": 3}',
    "unknown inside": '{"fit": {"network": {"fluency": 3}}}',
    "wrong": '{"preset": "good"}',
    "infinite": '{"gain": Infinity}',
    "bytes": b"\xff\xfe\x00",
    "a command in YAML": "!!python/object/apply:os.system ['exit 1']",
}


@pytest.mark.parametrize("kind", CONFIGURATIONS)
def test_rejects_invalid_configuration_file(capsys, tmp_path, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    tifffile.imwrite("a.tif", PIXELS)
    content = CONFIGURATIONS[kind]
    Path("c.json").write_bytes(content.encode() if isinstance(content, str) else content)
    assert cli.main(["denoise", "a.tif", "--config", "c.json"]) == 2
    err = capsys.readouterr().err
    assert err.startswith("napari-dip: error: Got")
    assert "Traceback" not in err
    if "unknown" in kind:
        assert "newer version" in err


def test_reads_configuration_with_byte_order_mark(call):
    text = Path("tiny.json").read_text()
    Path("tiny.json").write_text("\ufeff" + text, encoding="utf-8")
    assert call("denoise", "a.tif")[0] == 0


def test_report_as_configuration_reproduces_the_result(call, capsys):
    assert call("denoise", "a.tif", "-o", "b.tif")[0] == 0
    assert cli.main(["denoise", "a.tif", "-o", "c.tif", "--config", "b.tif.json"]) == 0
    again, first = io.read_image("c.tif"), io.read_image("b.tif")
    np.testing.assert_array_equal(again.data, first.data)


# Numbers on the command line


def test_rejects_axis_given_twice(call):
    code, _, err = call("super-resolve", "a.tif", "--factor", "y=2,y=3")
    assert code == 2
    assert "expected a number, or one for each axis" in err


def test_evaluate_rejects_values_whose_squares_overflow(capsys, tmp_path):
    np.save(tmp_path / "a.npy", noisy_waves((20, 16)) * 1e300)
    assert cli.main(["evaluate", str(tmp_path / "a.npy"), str(tmp_path / "a.npy")]) == 3
    assert "Divide" in capsys.readouterr().err
