"""Warnings of a reader in the report, on the terminal and in the manifest of a batch."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from napari_dip.cli import main as cli
from napari_dip.core.image.image import Image
from napari_dip.core.report.warnings import of_files
from napari_dip.core.tasks import Denoise, Inpaint
from napari_dip.io import images as io
from napari_dip.io.numpy_arrays import read_numpy
from tests.tiny import noisy_waves, tiny_config

WARNING = "The channel names cannot be read."


@pytest.fixture
def call(capsys, monkeypatch, tmp_path):
    """Return a function that runs a command in a folder with a.npy, whose reader warns."""

    def warning_reader(path, check_memory):
        return replace(read_numpy(path, check_memory), warnings=(WARNING,))

    monkeypatch.setitem(io.READERS, ".npy", warning_reader)
    monkeypatch.chdir(tmp_path)
    np.save("a.npy", noisy_waves((16, 16)).astype(np.float32))
    tmp_path.joinpath("tiny.json").write_text(tiny_config(threads=1).model_dump_json())

    def run(*words):
        assert cli.main([str(word) for word in words]) == 0
        return capsys.readouterr().err

    return run


def test_changed_images_keep_their_warnings():
    image = Image(np.zeros((4, 4)), "YX", warnings=(WARNING,))
    changed = image.with_data(np.ones((4, 4))).calibrated({"X": 0.5}).enlarged({"X": 2})
    assert changed.warnings == (WARNING,)


def test_report_names_the_mask_file_of_a_warning():
    image = Image(np.zeros((4, 4)), "YX", source="a.tif")
    mask = replace(image, source="mask.tif", warnings=(WARNING,))
    assert of_files(replace(image, warnings=("Other.",)), Inpaint(mask)) == (
        "Other.",
        f"mask.tif: {WARNING}",
    )
    assert of_files(image, Denoise()) == ()


def test_denoise_prints_the_warning_and_stores_it_in_the_report(call, tmp_path):
    err = call("denoise", "a.npy", "-o", "out.tif", "--config", "tiny.json")
    assert f"warning: {WARNING}" in err
    assert WARNING in json.loads((tmp_path / "out.tif.json").read_text())["warnings"]


@pytest.mark.parametrize(
    "words",
    [
        ("denoise", "a.npy", "--estimate", "--config", "tiny.json"),
        ("evaluate", "a.npy", "a.npy"),
        ("compare", "a.npy", "--config", "tiny.json"),
    ],
    ids=lambda words: words[0],
)
def test_commands_without_report_print_the_warning(call, words):
    assert f": {WARNING}" in call(*words)


def test_prints_the_warning_of_a_reference(call):
    np.save("plain.npy", np.load("a.npy"))
    err = call(
        "denoise", "a.npy", "--reference", "plain.npy", "-o", "out.tif", "--config", "tiny.json"
    )
    assert f"warning: plain.npy: {WARNING}" in err


def test_batch_prints_the_warning_and_stores_it_in_the_manifest(call, tmp_path):
    err = call("batch", "a.npy", "-o", "out", "--config", "tiny.json")
    assert f"a.npy: {WARNING}" in err
    (line,) = (tmp_path / "out" / "manifest.jsonl").read_text().splitlines()
    assert WARNING in json.loads(line)["warnings"]
