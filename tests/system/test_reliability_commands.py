"""Invalid data on the command line: exit code 3, one error line, no output."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_dip.cli import main as cli
from tests.bad import BASE, GUIDES, IMAGES, MASKS, PSFS, is_a_sentence
from tests.tiny import tiny_config

PREFIX = "napari-dip: error: "


@pytest.fixture
def call(capsys, monkeypatch, tmp_path):
    """Return a function that runs a command and returns exit code, stderr and new files."""
    monkeypatch.chdir(tmp_path)
    Path("tiny.json").write_text(tiny_config(2, threads=1).model_dump_json())
    np.save("image.npy", BASE)

    def call(command, *words):
        before = set(tmp_path.iterdir())
        code = cli.main([command, *words, "-o", "out.tif", "--config", "tiny.json"])
        return code, capsys.readouterr().err.splitlines(), set(tmp_path.iterdir()) - before

    return call


def is_refused(code, lines, new_files):
    """Return whether the last line is the only error and no file is written."""
    errors = [line.removeprefix(PREFIX) for line in lines if line.startswith(PREFIX)]
    one_error = len(errors) == 1 and is_a_sentence(errors[0]) and lines[-1].startswith(PREFIX)
    return code == 3 and one_error and not new_files


@pytest.mark.parametrize("bad", IMAGES)
def test_rejects_invalid_image(call, bad):
    np.save("bad.npy", IMAGES[bad], allow_pickle=True)
    assert is_refused(*call("denoise", "bad.npy"))


@pytest.mark.parametrize("bad", MASKS)
def test_rejects_invalid_mask(call, bad):
    np.save("bad.npy", MASKS[bad])
    assert is_refused(*call("inpaint", "image.npy", "--mask", "bad.npy"))


@pytest.mark.parametrize("bad", PSFS)
def test_rejects_invalid_psf(call, bad):
    np.save("bad.npy", PSFS[bad])
    assert is_refused(*call("deconvolve", "image.npy", "--psf", "bad.npy"))


@pytest.mark.parametrize("bad", GUIDES)
def test_rejects_invalid_guide(call, bad):
    np.save("bad.npy", GUIDES[bad], allow_pickle=True)
    assert is_refused(*call("guided", "image.npy", "--guide", "bad.npy"))
