"""Folders and reports of the version before 0.1 can still be used.

`tests/data/batch_before_0_1` holds batches of two images, made by that version.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from napari_dip.cli.main import main
from napari_dip.cli.options import Options, configure
from napari_dip.config import (
    ADDED_FIT_FIELDS,
    ADDED_NETWORK_FIELDS,
    REMOVED_FIT_FIELDS,
)

FOLDER = Path(__file__).parents[1] / "data" / "batch_before_0_1"
BATCHES = {
    "denoise": (),
    "inpaint": ("--mask", "mask.tif", "--inverse"),
    "deconvolve": ("--sigma", "y=1.5,x=1.0"),
    "super-resolve": ("--factor", "2"),
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return a copy of the folder, whose manifests name the images where the copy is."""
    copy = tmp_path / "batch"
    shutil.copytree(FOLDER, copy)
    for manifest in copy.glob("*/manifest.jsonl"):
        records = [json.loads(line) for line in manifest.read_text().splitlines()]
        for record in records:
            record["input"] = str(copy / "in" / Path(record["input"]).name)
        manifest.write_text("".join(f"{json.dumps(record)}\n" for record in records))
    monkeypatch.chdir(copy)
    return copy


@pytest.mark.parametrize("task", BATCHES)
def test_resumes_a_batch_of_the_earlier_version(folder, capsys, task):
    words = ("batch", "in", "--task", task, *BATCHES[task], "--config", "config.json")
    assert main([*words, "-o", task, "--resume"]) == 0
    assert capsys.readouterr().out == f"{task}: 0 restored, 0 failed, 2 done before, 0 left\n"


@pytest.mark.parametrize("task", BATCHES)
def test_resume_restores_what_the_earlier_version_left(folder, capsys, task):
    (manifest,) = folder.glob(f"{task}/manifest.jsonl")
    first, _ = manifest.read_text().splitlines(keepends=True)
    manifest.write_text(first)
    words = ("batch", "in", "--task", task, *BATCHES[task], "--config", "config.json")
    assert main([*words, "-o", task, "--resume"]) == 0
    assert capsys.readouterr().out == f"{task}: 1 restored, 0 failed, 1 done before, 0 left\n"


@pytest.mark.parametrize("task", BATCHES)
def test_the_report_of_the_earlier_version_is_a_configuration(folder, task):
    (report,) = folder.glob(f"{task}/a_*.json")
    config = configure(Options(), report)
    given = json.loads(report.read_text())["config"]
    for name, default in REMOVED_FIT_FIELDS.items():
        assert given["fit"].pop(name) == default
    kept = config.model_dump(mode="json")
    for settings, added in (
        (kept["fit"], ADDED_FIT_FIELDS),
        (kept["fit"]["network"], ADDED_NETWORK_FIELDS),
    ):
        assert {name: settings.pop(name) for name in added} == added
    assert {name: kept[name] for name in given if name in kept} == given


def test_the_report_has_the_fields_of_the_earlier_version(folder):
    words = ("denoise", "in/a.tif", "--config", "config.json", "-o", "new.ome.tif")
    assert main([*words]) == 0
    before = json.loads((folder / "denoise" / "a_denoise.ome.tif.json").read_text())
    now = json.loads((folder / "new.ome.tif.json").read_text())
    assert before.keys() <= now.keys()
    assert before["schema"] == now["schema"]
    assert before["blocks"][0].keys() <= now["blocks"][0].keys()
    assert before["noise"].keys() <= now["noise"].keys()
