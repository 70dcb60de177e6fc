"""Fixtures and helpers of the tests of batches."""

from __future__ import annotations

import json

import numpy as np
import pytest

from napari_dip.cli import main as cli
from napari_dip.core.image.image import Image
from napari_dip.core.restoration import restore as core
from napari_dip.io import images as io
from tests.tiny import noisy_waves, tiny_config


def save_noisy(path, shape=(16, 16), seed=0):
    noise = np.random.default_rng(seed).normal(0, 20, shape)
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image((noisy_waves(shape) + noise).astype(np.float32), "YX")
    io.write_image(path, image, overwrite=True)
    return path


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return a working directory with three noisy files in `in` and a tiny configuration."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.json").write_text(tiny_config(threads=1).model_dump_json())
    for seed, name in enumerate("abc"):
        save_noisy(tmp_path / "in" / f"{name}.tif", seed=seed)
    return tmp_path


@pytest.fixture
def call(folder, capsys):
    def run(*words, out="out"):
        words = ("batch", *words, "--config", "tiny.json", "-o", out)
        code = cli.main([str(word) for word in words])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


def pixels(folder):
    images = sorted(path for path in folder.iterdir() if io.is_image(path))
    return {path.name: np.asarray(io.read_image(path).data).tobytes() for path in images}


def lines(folder):
    return [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]


@pytest.fixture
def restorations(monkeypatch):
    """Return the images that were restored so far."""
    calls, restore = [], core.restore

    def counting(image, *args, **options):
        calls.append(image)
        return restore(image, *args, **options)

    monkeypatch.setattr(core, "restore", counting)
    return calls
