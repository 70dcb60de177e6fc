"""Bad files and places: refused before the work, and no result is lost or half written."""

from __future__ import annotations

import errno
import gzip
import json
import os
import shutil
import struct
import zipfile
import zlib
from pathlib import Path

import nibabel
import numpy as np
import pytest
import tifffile
from PIL import Image as Picture

from napari_dip.cli import main as cli
from napari_dip.errors import FileFormatError
from napari_dip.io import atomic
from napari_dip.io import images as io
from napari_dip.io import results as outputs
from tests.bad import assert_refused
from tests.tiny import noisy_waves, tiny_config

PIXELS = np.random.default_rng(0).integers(0, 255, (64, 64), dtype=np.uint8)
POSIX = pytest.mark.skipif(os.name == "nt", reason="Windows has no such files or names")


@pytest.fixture
def call(capsys, monkeypatch, tmp_path):
    """Run a command line in an empty folder; return exit code, stdout and stderr."""
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


# Other formats


def png_of(width, height, data):
    def chunk(kind, content):
        sum_ = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + sum_

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(data)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*each) for each in chunks)


def forged_png(path):
    path.write_bytes(png_of(10**5, 10**5, bytes(100)))


def cut_png(path):
    Picture.fromarray(PIXELS).save(path)
    path.write_bytes(path.read_bytes()[:2000])


def moving_png(path):
    frames = [Picture.fromarray(PIXELS), Picture.fromarray(PIXELS[::-1])]
    frames[0].save(path, save_all=True, append_images=frames[1:])


def forged_npy(path):
    np.save(path, PIXELS)
    content = path.read_bytes()
    path.write_bytes(content.replace(b"(64, 64), }    ", b"(640000, 64), }"))


def archive(path):
    with path.open("wb") as file:
        np.savez(file, PIXELS)


def forged_nifti(path):
    nibabel.save(nibabel.Nifti1Image(np.zeros((8, 9, 10), np.int16), np.eye(4)), path)
    content = bytearray(gzip.decompress(path.read_bytes()))
    struct.pack_into("<4h", content, 40, 3, 32000, 32000, 32000)
    path.write_bytes(gzip.compress(bytes(content)))


def weights(path):
    path.write_bytes(b"\x80\x04.")  # would run code if it were loaded


def escaping(path):
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("../outside.txt", "")


def pipe(path):
    os.mkfifo(path)


def loop(path):
    path.symlink_to(path)


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("forged.png", forged_png),
        ("cut.png", cut_png),
        ("moving.png", moving_png),
        ("forged.npy", forged_npy),
        ("archive.npy", archive),
        ("forged.nii.gz", forged_nifti),
        ("weights.pt", weights),
        ("escaping.zarr.zip", escaping),
        pytest.param("pipe.tif", pipe, marks=POSIX),
        pytest.param("loop.tif", loop, marks=POSIX),
    ],
)
def test_rejects_forged_or_damaged_file(tmp_path, name, make):
    folder = tmp_path / "folder"
    folder.mkdir()
    make(folder / name)
    assert_refused(folder / name)
    assert names(tmp_path) == ["folder"]


# Names and places

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


# A result is not lost


@pytest.fixture
def elsewhere(monkeypatch, tmp_path_factory):
    """Return where results go that cannot be written."""
    folder = tmp_path_factory.mktemp("elsewhere")
    monkeypatch.setattr(outputs.tempfile, "mkdtemp", lambda prefix: str(folder))
    return folder


def after_the_work(monkeypatch, happen):
    """Let something happen between the fit and the writing of its result."""
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
    call, tmp_path, monkeypatch, elsewhere, happen, code
):
    (tmp_path / "out").mkdir()
    after_the_work(monkeypatch, happen)
    got, _, err = call("denoise", "a.tif", "-o", "out/b.tif")
    assert got == code
    assert f"The result is saved as {elsewhere / 'b.tif'}." in err
    assert io.read_image(elsewhere / "b.tif").shape == (20, 16)


def test_full_disk_saves_the_result_to_the_temporary_folder(call, tmp_path, monkeypatch, elsewhere):
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
    assert names(elsewhere) == ["b.tif"]


def test_report_identifies_the_input_as_it_was_read(call, monkeypatch):
    before = io.sha256_of("a.tif")
    after_the_work(monkeypatch, Path("a.tif").unlink)
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
