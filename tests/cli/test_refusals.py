"""Refusals of the command line: exit codes, messages, and no output."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tifffile

from napari_dip.core.restoration import restore as core
from napari_dip.errors import DivergedError, MemoryExhaustedError
from napari_dip.io import images as io
from tests.cli.conftest import is_one_error, listing
from tests.tiny import noisy_waves, waves


@pytest.mark.parametrize("existing", ["out.tif", "out.tif.json", "std.tif", "saved.json"])
def test_existing_output_is_refused_before_the_fit(call, noisy, tmp_path, no_work, existing):
    tmp_path.joinpath(existing).write_text("precious")
    before = listing(tmp_path)
    code, out, err = call("denoise", noisy, "-o", "out.tif", "--runs", 2,
                          "--uncertainty", "std.tif", "--save-config", "saved.json")  # fmt: skip
    assert (code, out) == (2, "")
    assert is_one_error(err)
    assert existing in err
    assert listing(tmp_path) == before
    assert tmp_path.joinpath(existing).read_text() == "precious"


def test_overwrite_replaces_outputs(call, noisy, tmp_path):
    for name in ("out.tif", "out.tif.json"):
        tmp_path.joinpath(name).write_text("old")
    code, _, err = call("denoise", noisy, "--config", "tiny.json", "-o", "out.tif", "--overwrite")
    assert (code, err) == (0, "")
    assert io.read_image(tmp_path / "out.tif").shape == (24, 20)
    json.loads(tmp_path.joinpath("out.tif.json").read_text())


@pytest.mark.parametrize("name", ["absent/out.tif", "out.xyz", "out.png"])
def test_unwritable_output_is_refused_before_the_fit(call, noisy, no_work, name):
    code, out, err = call("denoise", noisy, "-o", name)
    assert (code, out) == (3, "")
    assert is_one_error(err)
    assert name in err


def test_refuses_to_write_over_the_input(call, noisy, no_work):
    before = noisy.read_bytes()
    code, _, err = call("denoise", noisy, "-o", noisy, "--overwrite")
    assert code == 2
    assert is_one_error(err)
    assert noisy.read_bytes() == before


def test_refuses_to_write_over_the_mask(call, noisy, task_files):
    words = ("inpaint", noisy, *task_files["inpaint"], "-o", "mask.tif", "--overwrite")
    code, _, err = call(*words)
    assert code == 2
    assert "mask.tif" in err


@pytest.mark.parametrize(
    "words",
    [
        pytest.param("restore {image}", id="unknown command"),
        pytest.param("denoise", id="no image"),
        pytest.param("denoise {image} --runs 0", id="out of range"),
        pytest.param("denoise {image} --runs many", id="no number"),
        pytest.param("denoise {image} --noise pink", id="unknown choice"),
        pytest.param("denoise {image} --dims 4", id="unknown dims"),
        pytest.param("denoise {image} --colour", id="unknown option"),
        pytest.param("denoise {image} {image}", id="two images"),
        pytest.param("denoise {image} --uncertainty std.png", id="whole uncertainties"),
        pytest.param("denoise {image} --config absent.json", id="no such configuration"),
        pytest.param("denoise {image} --config broken.json", id="no JSON"),
        pytest.param("denoise {image} --config list.json", id="no object"),
        pytest.param("denoise {image} --config unknown.json", id="unknown key"),
    ],
)
def test_usage_errors_exit_2_with_one_sentence(call, noisy, tmp_path, no_work, words):
    tmp_path.joinpath("broken.json").write_text("{")
    tmp_path.joinpath("list.json").write_text("[1]")
    tmp_path.joinpath("unknown.json").write_text('{"colour": 1}')
    before = listing(tmp_path)
    code, out, err = call(*words.format(image=noisy).split())
    assert (code, out) == (2, "")
    assert is_one_error(err)
    assert listing(tmp_path) == before


def invalid_file(name, tmp_path):
    path = tmp_path / name
    match name:
        case "absent.tif":
            pass
        case "text.tif":
            path.write_text("not an image")
        case "truncated.tif":
            tifffile.imwrite(path, noisy_waves())
            path.write_bytes(path.read_bytes()[:2000])
        case "complex.npy":
            np.save(path, np.ones((8, 8), complex))
        case "line.npy":
            np.save(path, np.ones(8))
        case "empty.npy":
            np.save(path, np.ones((0, 8)))
        case "missing.npy":
            np.save(path, np.full((8, 8), np.nan))
    return path


@pytest.mark.parametrize(
    "name",
    ["absent.tif", "text.tif", "truncated.tif", "complex.npy", "line.npy", "empty.npy",
     "missing.npy"],
)  # fmt: skip
def test_invalid_input_exits_3_and_writes_nothing(call, tmp_path, name):
    path = invalid_file(name, tmp_path)
    before = listing(tmp_path)
    code, out, err = call("denoise", path, "--config", "tiny.json", "--json")
    assert (code, out) == (3, "")
    assert is_one_error(err)
    assert listing(tmp_path) == before


def test_reference_of_another_shape_exits_3(call, noisy, tmp_path):
    np.save(tmp_path / "truth.npy", waves((8, 8)))
    options = ("--config", "tiny.json", "--reference", "truth.npy")
    for affine in ((), ("--affine",)):
        code, _, err = call("denoise", noisy, *options, *affine)
        assert code == 3
        assert is_one_error(err)


def test_wrong_axes_exit_3(call, noisy):
    code, _, err = call("denoise", noisy, "--axes", "ZYX")
    assert code == 3
    assert is_one_error(err)


def test_missing_device_exits_4(call, noisy, tmp_path):
    before = listing(tmp_path)
    code, _, err = call("denoise", noisy, "--config", "tiny.json", "--device", "cuda:99")
    assert code == 4
    assert is_one_error(err)
    assert listing(tmp_path) == before


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        pytest.param(MemoryExhaustedError("Out of memory."), 4, id="device memory"),
        pytest.param(MemoryError(), 4, id="memory"),
        pytest.param(DivergedError("The fit diverged."), 5, id="diverged"),
        pytest.param(PermissionError(13, "Permission denied", "out.tif"), 3, id="permission"),
        pytest.param(ZeroDivisionError("oops"), 1, id="unexpected"),
        pytest.param(KeyboardInterrupt(), 130, id="interrupted"),
    ],
)
def test_each_error_has_its_exit_code_and_one_sentence(
    call, noisy, tmp_path, monkeypatch, error, expected
):
    def fail(*args, **options):
        raise error
        yield

    monkeypatch.setattr(core, "restore", fail)
    before = listing(tmp_path)
    code, out, err = call("denoise", noisy, "--config", "tiny.json", "--json")
    assert (code, out) == (expected, "")
    assert is_one_error(err)
    assert ("--traceback" in err) == (expected == 1)
    assert listing(tmp_path) == before
    code, _, err = call("denoise", noisy, "--config", "tiny.json", "--traceback")
    assert code == expected
    assert "Traceback" in err


@pytest.mark.parametrize(
    ("size", "words"),
    [("z=a", "expected a number"), ("q=3", "'z', 'y' or 'x'"), ("z=-1", "greater than 0")],
)
def test_invalid_voxel_size_is_refused(call, noisy, no_work, size, words):
    code, _, err = call("denoise", noisy, "--voxel-size", size)
    assert code == 2
    assert is_one_error(err)
    assert words in err


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("super-resolve", "--factor", "many"), "--factor many"),
        (("super-resolve", "--factor", "1"), "factors"),
        (("inpaint", "--mask", "missing.tif"), "missing.tif"),
        (("deconvolve",), "no PSF"),
        (("deconvolve", "--sigma", "y=a"), "--sigma y=a"),
        (("deconvolve", "--na", "1.4", "--wavelength", "0.5"), "voxel size"),
        (("guided",), "guide"),
        (("fourier",), "no mask"),
        (("denoise", "--stop", "blocks"), "stopping rule blocks for denoise"),
        (("invert-features", "--features", "nobody"), "'nobody'"),
    ],
)
def test_missing_or_invalid_task_option_is_refused_before_the_fit(call, noisy, words, expected):
    code, _, err = call(words[0], noisy, *words[1:], "--config", "tiny.json")
    assert code in (2, 3)
    assert expected in err
    assert listing(noisy.parent) == ["noisy.tif", "tiny.json"]
