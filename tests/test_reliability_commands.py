"""The data of `tests.bad` on the command line: exit code 3, one sentence, no output."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_dip import cli
from tests.bad import BASE, GUIDES, IMAGES, MASKS, PSFS
from tests.tiny import tiny_config


@pytest.fixture
def refused(capsys, monkeypatch, tmp_path):
    """Return a call that fails unless a command line is refused and writes nothing."""
    monkeypatch.chdir(tmp_path)
    Path("tiny.json").write_text(tiny_config(2, threads=1).model_dump_json())
    np.save("image.npy", BASE)

    def assert_refused(command, *words):
        files = set(tmp_path.iterdir())
        code = cli.main([command, *words, "-o", "out.tif", "--config", "tiny.json"])
        err = capsys.readouterr().err.splitlines()
        assert code == 3
        (sentence,) = [line for line in err if line.startswith("napari-dip: error:")]
        assert "Got" in sentence
        assert "expected" in sentence
        assert err[-1] == sentence
        assert set(tmp_path.iterdir()) == files

    return assert_refused


@pytest.mark.parametrize("bad", IMAGES)
def test_an_image_that_is_none_is_refused(refused, bad):
    np.save("bad.npy", IMAGES[bad], allow_pickle=True)
    refused("denoise", "bad.npy")


@pytest.mark.parametrize("bad", MASKS)
def test_a_mask_that_cannot_be_meant_is_refused(refused, bad):
    np.save("bad.npy", MASKS[bad])
    refused("inpaint", "image.npy", "--mask", "bad.npy")


@pytest.mark.parametrize("bad", PSFS)
def test_a_psf_that_cannot_be_meant_is_refused(refused, bad):
    np.save("bad.npy", PSFS[bad])
    refused("deconvolve", "image.npy", "--psf", "bad.npy")


@pytest.mark.parametrize("bad", GUIDES)
def test_a_guide_that_cannot_be_meant_is_refused(refused, bad):
    np.save("bad.npy", GUIDES[bad], allow_pickle=True)
    refused("guided", "image.npy", "--guide", "bad.npy")
