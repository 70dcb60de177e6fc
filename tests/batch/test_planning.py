"""Planning of a batch: refusals, resuming, names of outputs, and finding images."""

from __future__ import annotations

import numpy as np
import pytest

from napari_dip.batch.planning import find_images, plan
from napari_dip.core.image.image import Image
from napari_dip.core.tasks.spec import TaskSpec
from napari_dip.errors import InputError
from napari_dip.io import images as io
from tests.batch.conftest import lines, pixels, save_noisy
from tests.tiny import tiny_config


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("in --workers 0", 2),
        ("", 2),
        ("absent", 3),
        ("in --suffix .xyz", 3),
        ("in --task inpaint --mask absent.tif", 3),
        ("in --max-iterations -1", 2),
    ],
)
def test_invalid_settings_are_refused_before_the_first_image(
    call, folder, restorations, words, code
):
    got, out, err = call(*words.split())
    assert (got, out, restorations) == (code, "", [])
    assert err.startswith("napari-dip: error: ")


def test_existing_outputs_are_refused_before_the_first_image(call, folder, restorations):
    (folder / "out").mkdir()
    precious = folder / "out" / "b_denoise.ome.tif"
    precious.write_text("precious")
    for words in ("in", "in --resume"):  # no manifest, nothing to resume
        code, _, err = call(*words.split())
        assert (code, restorations) == (2, [])
        assert "exists" in err
    assert precious.read_text() == "precious"
    assert call("in", "--overwrite")[0] == 0


def test_resume_skips_valid_results(call, folder, restorations):
    call("in")
    before = {path: io.sha256_of(path) for path in (folder / "out").iterdir()}
    code, out, _ = call("in", "--resume")
    assert (code, out) == (0, "out: 0 restored, 0 failed, 3 done before, 0 left\n")
    assert len(restorations) == 3
    assert {path: io.sha256_of(path) for path in (folder / "out").iterdir()} == before


def cut_off(folder):
    path = folder / "out" / "b_denoise.ome.tif"
    path.write_bytes(path.read_bytes()[:100])


def lost(folder):
    (folder / "out" / "b_denoise.ome.tif").unlink()


def report_lost(folder):
    (folder / "out" / "b_denoise.ome.tif.json").unlink()


def another_input(folder):
    save_noisy(folder / "in" / "b.tif", seed=9).touch()


def manifest_cut_off(folder):
    path = folder / "out" / "manifest.jsonl"
    first, second, third = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first + third + second[:50])


@pytest.mark.parametrize("harm", [cut_off, lost, report_lost, another_input, manifest_cut_off])
def test_resume_repeats_invalid_results(call, folder, restorations, harm):
    call("in")
    whole = pixels(folder / "out")
    if harm is another_input:
        (folder / "in" / "b.tif").unlink()
    harm(folder)
    code, out, _ = call("in", "--resume")
    assert (code, out) == (0, "out: 1 restored, 0 failed, 2 done before, 0 left\n")
    assert len(restorations) == 4
    assert (pixels(folder / "out") == whole) is (harm is not another_input)
    assert call("in", "--resume")[1].startswith("out: 0 restored")


def test_resume_repeats_results_of_another_configuration(call, folder, restorations):
    call("in")
    assert call("in", "--resume", "--seed", "7")[1].startswith("out: 3 restored")
    assert call("in", "--resume", "--seed", "7", "--threads", "2")[1].startswith("out: 0 restored")


def test_resume_after_a_crash_equals_an_uninterrupted_batch(call, folder, monkeypatch):
    call("in", out="whole")
    flush, flushed = io.os.fsync, []

    def die(number):
        flushed.append(number)
        if len(flushed) == 4:  # during the second result
            raise KeyboardInterrupt
        flush(number)

    monkeypatch.setattr(io.os, "fsync", die)
    assert call("in")[0] == 130
    monkeypatch.undo()
    monkeypatch.chdir(folder)
    finished = {record["output"] for record in lines(folder / "out")}
    assert 0 < len(finished) < 3
    before = {name: io.sha256_of(folder / "out" / name) for name in finished}
    code, out, _ = call("in", "--resume")
    assert code == 0
    assert f"{len(finished)} done before" in out
    assert {name: io.sha256_of(folder / "out" / name) for name in finished} == before
    assert pixels(folder / "out") == pixels(folder / "whole")
    assert {path.name for path in (folder / "out").iterdir()} == {
        path.name for path in (folder / "whole").iterdir()
    }


def test_output_names_stay_in_the_folder_and_never_collide(tmp_path):
    sources = [
        tmp_path / name
        for name in (
            "a/cell.tif",
            "b/cell.tif",
            "b/Cell.png",
            "..x.tif",
            "-o.tif",
            "a:b?.tif",
            "..tif",
        )
    ] + [tmp_path / f"{'long' * 60}.tif"]
    jobs = plan(sources, tmp_path / "out", ".ome.tif", TaskSpec(), tiny_config())
    names = [job.output.name for job in jobs]
    assert len({name.casefold() for name in names}) == len(names)
    for job in jobs:
        assert job.output.resolve().parent == tmp_path / "out"
        assert job.output.name[0] not in ".-"
        assert not set(job.output.name) & set('<>:"|?*\\/')
        assert len(job.output.name) < 200
    assert names[5] == "a_b__denoise.ome.tif"


def test_finds_images_in_folders_and_patterns_outside_the_output_folder(folder):
    io.write_image(folder / "in" / "d.ome.zarr", Image(np.zeros((8, 8)), "YX"))
    save_noisy(folder / "in" / "deep" / "e.tif")
    save_noisy(folder / "in" / "out" / "a_denoise.ome.tif")
    (folder / "in" / "notes.txt").write_text("no image")
    (folder / "in" / ".hidden.tif").write_text("no image")
    out = folder / "in" / "out"

    def names(*patterns):
        return [path.name for path in find_images(patterns, out)]

    assert names("in") == ["a.tif", "b.tif", "c.tif", "d.ome.zarr"]
    assert names("in/d.ome.zarr") == ["d.ome.zarr"]
    assert names("in/**/*.tif") == ["a.tif", "b.tif", "c.tif", "e.tif"]
    assert names("in/a.tif", "in/[ab].tif") == ["a.tif", "b.tif"]
    with pytest.raises(InputError, match="no image is found outside"):
        names("in/out")
