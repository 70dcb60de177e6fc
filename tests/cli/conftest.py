"""Fixtures and helpers of the tests of the command line."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

from napari_dip.cli import main as cli
from napari_dip.core.restoration import restore as core
from tests.tiny import noisy_waves, tiny_config, waves


@pytest.fixture
def call(capsys, monkeypatch, tmp_path):
    """Run a command line in an empty folder; return exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    tmp_path.joinpath("tiny.json").write_text(tiny_config(threads=1).model_dump_json())

    def run(*words):
        code = cli.main([str(word) for word in words])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


@pytest.fixture
def noisy(tmp_path):
    path = tmp_path / "noisy.tif"
    tifffile.imwrite(path, noisy_waves((24, 20)).astype(np.float32))
    return path


@pytest.fixture
def no_work(monkeypatch):
    """Fail as soon as a restoration starts."""

    def refuse(*args, **options):
        raise AssertionError("the work has started")

    monkeypatch.setattr(core, "restore", refuse)


@pytest.fixture
def task_files(tmp_path):
    """Return the options each task needs beside its image of 24 x 20."""
    painted = np.zeros((24, 20), np.uint8)
    painted[4:8, 4:8] = 1
    tifffile.imwrite(tmp_path / "mask.tif", painted)
    tifffile.imwrite(tmp_path / "guide.tif", waves((24, 20)).astype(np.float32))
    tifffile.imwrite(tmp_path / "psf.tif", np.ones((3, 3), np.uint8))
    return {
        "denoise": (),
        "inpaint": ("--mask", "mask.tif"),
        "super-resolve": ("--factor", "y=2,x=3"),
        "deconvolve": ("--psf", "psf.tif"),
        "dejpeg": (),
        "guided": ("--guide", "guide.tif"),
        "fourier": ("--mask", "mask.tif", "--inverse"),
        "invert-features": ("--features", "tiny:0"),
    }


def listing(folder):
    return sorted(path.name for path in folder.iterdir())


def is_one_error(err):
    return err.startswith("napari-dip: error: ") and "Traceback" not in err
