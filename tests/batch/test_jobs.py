"""Many files: the manifest, resuming, failures, names, and workers."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress

import distributed
import numpy as np
import pytest

from napari_dip import optional as extras
from napari_dip.batch import distributed as workers
from napari_dip.batch.jobs import find_images, plan
from napari_dip.batch.manifest import Manifest, Record
from napari_dip.cli import batch_command
from napari_dip.cli import main as cli
from napari_dip.core.image.image import Image
from napari_dip.core.restoration import restore as core
from napari_dip.core.tasks.spec import TaskSpec
from napari_dip.errors import InputError
from napari_dip.io import images as io
from napari_dip.io import results as outputs
from tests.cluster import start_forks
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
def counted(monkeypatch):
    """Count the restorations."""
    calls, restore = [], core.restore

    def counting(image, *args, **options):
        calls.append(image)
        return restore(image, *args, **options)

    monkeypatch.setattr(core, "restore", counting)
    return calls


# What is written


def test_every_file_gets_a_result_a_report_and_a_line(call, folder):
    code, out, err = call("in")
    assert code == 0
    assert out == "out: 3 restored, 0 failed, 0 done before, 0 left\n"
    assert [line.split("]")[0] for line in err.splitlines()] == [
        f"napari-dip: [{n}/3" for n in (1, 2, 3)
    ]
    for name, record in zip("abc", lines(folder / "out"), strict=True):
        output = folder / "out" / f"{name}_denoise.ome.tif"
        assert record["output"] == output.name
        assert record["output_sha256"] == io.sha256_of(output)
        assert record["input_sha256"] == io.sha256_of(folder / "in" / f"{name}.tif")
        assert record["error"] is None
        assert record["stop_reason"] == "max_iterations"
        report = json.loads(outputs.report_path(output).read_text())
        assert report["input"]["sha256"] == record["input_sha256"]


def test_the_results_are_those_of_single_files(call, folder):
    call("in")
    cli.main(["denoise", "in/b.tif", "--config", "tiny.json", "-o", "b.tif"])
    single = np.asarray(io.read_image(folder / "b.tif").data).tobytes()
    assert pixels(folder / "out")["b_denoise.ome.tif"] == single


def test_json_is_alone_on_stdout(call):
    _, out, _ = call("in", "--json")
    summary = json.loads(out)
    assert (summary["restored"], summary["failed"], len(summary["items"])) == (3, 0, 3)


def test_a_task_takes_its_own_options_and_files(call, folder):
    mask = np.zeros((16, 16), np.uint8)
    mask[4:6] = 1
    io.write_image(folder / "in" / "mask.png", Image(mask, "YX"))
    code, out, _ = call("in", "--task", "inpaint", "--mask", "in/mask.png", "--suffix", ".ome.zarr")
    assert (code, out.split(",")[0]) == (0, "out: 3 restored")  # the mask is no image of the batch
    restored = np.asarray(io.read_image(folder / "out" / "a_inpaint.ome.zarr").data)
    before = np.asarray(io.read_image(folder / "in" / "a.tif").data)
    np.testing.assert_array_equal(restored[mask == 0], before[mask == 0])
    assert (restored[mask == 1] != before[mask == 1]).any()


# Failures


def test_damaged_files_get_a_sentence_each_and_the_others_go_on(call, folder):
    for seed in range(20):
        save_noisy(folder / "in" / f"{seed:02}.tif", seed=seed)
    damaged = folder / "in" / "07.tif"
    damaged.write_bytes(damaged.read_bytes()[:300])
    code, out, err = call("in")
    assert code == InputError.exit_code
    assert out.startswith("out: 22 restored, 1 failed")
    (line,) = [line for line in err.splitlines() if "error" in line]
    assert "07.tif: error: Got" in line
    assert "Traceback" not in err
    (failed,) = [record for record in lines(folder / "out") if record["error"]]
    assert failed["output_sha256"] is None
    assert not (folder / "out" / "07_denoise.ome.tif").exists()
    save_noisy(damaged)  # copied again
    assert call("in", "--resume")[:2] == (0, "out: 1 restored, 0 failed, 22 done before, 0 left\n")


def test_an_error_nobody_foresaw_ends_one_file_only(call, monkeypatch):
    write = outputs.write_result

    def fail(output, *args, **options):
        if output.name.startswith("b"):
            raise ValueError("odd")
        return write(output, *args, **options)

    monkeypatch.setattr(outputs, "write_result", fail)
    code, out, err = call("in")
    assert (code, out.split(", 0 done")[0]) == (1, "out: 2 restored, 1 failed")
    assert "Unexpected ValueError: odd" in err


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("in --workers 0", 2),
        ("", 2),
        ("absent", 3),
        ("in --suffix .xyz", 3),
        ("in --task inpaint --mask absent.tif", 3),
        ("in --max-iterations 0", 2),
    ],
)
def test_what_holds_for_all_files_is_refused_before_the_first(call, folder, counted, words, code):
    got, out, err = call(*words.split())
    assert (got, out, counted) == (code, "", [])
    assert err.startswith("napari-dip: error: ")


def test_outputs_that_exist_are_refused_before_the_first(call, folder, counted):
    (folder / "out").mkdir()
    precious = folder / "out" / "b_denoise.ome.tif"
    precious.write_text("precious")
    for words in ("in", "in --resume"):  # without a manifest there is nothing to go on with
        code, _, err = call(*words.split())
        assert (code, counted) == (2, [])
        assert "exists" in err
    assert precious.read_text() == "precious"
    assert call("in", "--overwrite")[0] == 0


# Resuming


def test_resume_redoes_nothing_that_holds(call, folder, counted):
    call("in")
    before = {path: io.sha256_of(path) for path in (folder / "out").iterdir()}
    code, out, _ = call("in", "--resume")
    assert (code, out) == (0, "out: 0 restored, 0 failed, 3 done before, 0 left\n")
    assert len(counted) == 3
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
def test_resume_redoes_what_does_not_hold(call, folder, counted, harm):
    call("in")
    whole = pixels(folder / "out")
    if harm is another_input:
        (folder / "in" / "b.tif").unlink()
    harm(folder)
    code, out, _ = call("in", "--resume")
    assert (code, out) == (0, "out: 1 restored, 0 failed, 2 done before, 0 left\n")
    assert len(counted) == 4
    assert (pixels(folder / "out") == whole) is (harm is not another_input)
    assert call("in", "--resume")[1].startswith("out: 0 restored")


def test_another_configuration_or_mask_is_another_result(call, folder, counted):
    call("in")
    assert call("in", "--resume", "--seed", "7")[1].startswith("out: 3 restored")
    assert call("in", "--resume", "--seed", "7", "--threads", "2")[1].startswith("out: 0 restored")


def test_what_is_killed_in_the_middle_ends_as_if_it_had_not_been(call, folder, monkeypatch):
    call("in", out="whole")
    flush, flushed = io.os.fsync, []

    def die(number):
        flushed.append(number)
        if len(flushed) == 4:  # the manifest, then the second result, half written
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


def test_the_first_ctrl_c_keeps_what_is_finished(call, folder, monkeypatch):
    restore, calls = core.restore, []

    def interrupted(*args, **options):
        calls.append(args)
        if len(calls) == 2:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0)  # a bytecode at which the handler runs
        return restore(*args, **options)

    monkeypatch.setattr(core, "restore", interrupted)
    code, out, err = call("in")
    assert (code, out) == (130, "out: 1 restored, 0 failed, 0 done before, 2 left\n")
    assert "--resume" in err
    assert list(pixels(folder / "out")) == ["a_denoise.ome.tif"]


# Names


def test_names_stay_in_the_folder_and_never_collide(tmp_path):
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


def test_images_are_found_in_folders_and_patterns_but_not_among_the_outputs(folder):
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


# Workers


def test_workers_make_the_same_files(call, folder, monkeypatch):
    start_forks()
    call("in", out="serial")
    save_noisy(folder / "in" / "damaged.tif").write_bytes(b"no image")
    code, out, err = call("in", "--workers", "2")
    assert (code, out) == (3, "out: 3 restored, 1 failed, 0 done before, 0 left\n")
    assert "damaged.tif: error: Got" in err
    assert pixels(folder / "out") == pixels(folder / "serial")
    assert len(lines(folder / "out")) == 4


def test_workers_that_are_begun_from_nothing_take_the_jobs(folder):
    """A process that is not forked imports the script that began it."""
    script = folder / "napari-dip.py"
    lines = ["import sys", "from napari_dip.cli.main import main", "if __name__ == '__main__':"]
    script.write_text("\n".join([*lines, "    sys.exit(main())"]))
    words = "batch in/a.tif --config tiny.json -o out --workers 1".split()
    with socket.socket() as other:
        with suppress(OSError):  # another program has dask's usual port already
            other.bind(("", 8787))
            other.listen()
        done = subprocess.run([sys.executable, script, *words], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (
        0,
        "out: 1 restored, 0 failed, 0 done before, 0 left\n",
    )
    assert done.stderr.count("\n") == 1


def test_a_scheduler_that_does_not_answer_is_said(call, monkeypatch):
    monkeypatch.setattr(workers, "_CONNECTION", 0.2)
    code, out, err = call("in", "--scheduler", "tcp://127.0.0.1:9")
    assert (code, out) == (4, "")
    assert "tcp://127.0.0.1:9, which does not answer" in err


@pytest.mark.parametrize(("count", "who"), [(0, "no workers; the batch waits"), (1, "1 worker")])
def test_who_works_for_a_scheduler_is_said(folder, count, who):
    jobs = plan([folder / "in" / "a.tif"], folder, ".tif", TaskSpec(), tiny_config())
    told = []
    with distributed.LocalCluster(
        n_workers=count, processes=False, protocol="tcp", dashboard_address="127.0.0.1:0"
    ) as cluster:
        address = cluster.scheduler_address
        assert list(workers.run_distributed(jobs, lambda: True, address, 1, told.append)) == []
    (sentence,) = told
    assert sentence.startswith(f"{address} has {who}")


def test_where_to_watch_a_scheduler_is_said():
    class Watched:
        dashboard_link = "http://host:8787/status"

        def nthreads(self):
            return {"a": 1, "b": 1}

    assert workers._company("tcp://host:8786", Watched()) == (
        "tcp://host:8786 has 2 workers; watch it at http://host:8787/status"
    )


def test_a_worker_that_is_lost_is_said(folder):
    (job,) = plan([folder / "in" / "a.tif"], folder, ".tif", TaskSpec(), tiny_config())

    class Lost:
        def exception(self):
            return MemoryError("killed\nby the system")

    record = workers._record_of(job, Lost())
    assert record.exit_code == 4
    assert "worker was lost" in record.error
    assert "\n" not in record.error


def test_without_dask_it_is_one_after_another_and_a_scheduler_is_refused(call, monkeypatch):
    monkeypatch.setattr(extras, "installed", lambda library: False)
    code, out, err = call("in", "--workers", "2")
    assert (code, out.split(",")[0]) == (0, "out: 3 restored")
    assert 'pip install "napari-dip[distributed]"' in err
    code, _, err = call("in", "--scheduler", "tcp://127.0.0.1:9", out="other")
    assert code == 3
    assert 'pip install "napari-dip[distributed]"' in err


def test_lines_of_the_manifest_are_read_back_the_latest_first(tmp_path):
    manifest = Manifest(tmp_path)
    manifest.add()
    first = Record(input="a", output="b", config_sha256="c", error="Got nothing.")
    manifest.add(first, first.model_copy(update={"error": None}))
    assert manifest.read() == {"a": first.model_copy(update={"error": None})}
    assert batch_command._line(first) == "a: error: Got nothing."


def test_files_with_blank_frames_are_restored_with_the_others(call, folder):
    frames = np.stack([noisy_waves((16, 16)), np.zeros((16, 16)), noisy_waves((16, 16))])
    io.write_image(folder / "in" / "a.tif", Image(frames.astype(np.float32), "TYX"), overwrite=True)
    code, _, _ = call("in")
    assert code == 0
    result = io.read_image(folder / "out" / "a_denoise.ome.tif").data
    assert not result[1].any()
    assert (result[[0, 2]] != 0).mean() > 0.99
