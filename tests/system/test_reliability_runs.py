"""Runs: signals, kills, network access, privacy and resource leaks."""

from __future__ import annotations

import gc
import json
import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil
import pytest
import tifffile

import napari_dip
from napari_dip.batch.planning import find_images
from napari_dip.cli import main as cli
from napari_dip.cli import restore_file as restoring
from napari_dip.io import images as io
from tests.io.dicom.files import PATIENT, save
from tests.tiny import noisy_waves, tiny_config


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Change to a folder with an image and a configuration."""
    monkeypatch.chdir(tmp_path)
    tifffile.imwrite("a.tif", noisy_waves((20, 16)).astype(np.float32))
    Path("tiny.json").write_text(tiny_config(2, threads=1).model_dump_json())
    return tmp_path


def names(folder):
    return {path.name for path in folder.iterdir()}


def test_sigterm_keeps_the_best_result_so_far(folder, monkeypatch, capsys):
    signals = iter([signal.SIGTERM])

    @contextmanager
    def display():
        yield lambda progress: [signal.raise_signal(number) for number in signals]

    monkeypatch.setattr(restoring, "progress_display", display)
    Path("long.json").write_text(tiny_config(10**6, threads=1).model_dump_json())
    assert cli.main(["denoise", "a.tif", "-o", "b.ome.tif", "--config", "long.json"]) == 130
    assert "the best result so far is kept in b.ome.tif" in capsys.readouterr().err
    assert io.read_image("b.ome.tif").shape == (20, 16)
    assert json.loads(Path("b.ome.tif.json").read_text())["stop_reason"] == "stop_requested"


# Writing waits for the signal before the output is renamed.
HALF_WRITTEN = """
import sys, time
from napari_dip.cli import main as cli
from napari_dip.io import images as io

def flush(path):
    print("ready", flush=True)
    time.sleep(100)

io.flush = flush
cli.main(["denoise", "a.tif", "-o", "b.ome.tif", "--config", "tiny.json"])
"""


def test_process_killed_while_writing_leaves_no_result(folder):
    before = names(folder)
    words = [sys.executable, "-c", HALF_WRITTEN]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout.readline() == "ready\n"
        run.kill()
    (part,) = names(folder) - before
    assert part.startswith(".partial-")
    assert not io.is_image(folder / part)
    assert find_images([str(folder)], folder / "out") == [folder / "a.tif"]
    assert cli.main(["denoise", "a.tif", "-o", "b.ome.tif", "--config", "tiny.json"]) == 0


def test_ctrl_c_while_writing_keeps_the_result(folder, monkeypatch, capsys):
    flush = io.flush

    def interrupted(path):
        signal.raise_signal(signal.SIGINT)
        flush(path)

    monkeypatch.setattr(io, "flush", interrupted)
    assert cli.main(["denoise", "a.tif", "-o", "b.ome.tif", "--config", "tiny.json"]) == 0
    assert io.read_image("b.ome.tif").shape == (20, 16)


def test_closed_stderr_does_not_end_a_run(folder, monkeypatch):
    class Closed:
        def isatty(self):
            return False

        def write(self, text):
            raise BrokenPipeError

        flush = write

    monkeypatch.setattr(sys, "stderr", Closed())
    monkeypatch.setattr("napari_dip.cli.terminal._LINE_INTERVAL", 0.0)
    words = ["denoise", "a.tif", "-o", "b.ome.tif", "--config", "tiny.json"]
    assert cli.main(words) == 0
    monkeypatch.undo()
    assert (folder / "b.ome.tif.json").is_file()


def test_no_run_opens_a_connection(folder, monkeypatch, capsys):
    def refuse(*args, **options):
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "__init__", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    mask = np.zeros((20, 16), np.uint8)
    mask[3:6, 4:8] = 1
    tifffile.imwrite("mask.tif", mask)
    for words in (
        ["denoise", "a.tif", "--uncertainty", "std.tif", "--reference", "a.tif"],
        ["inpaint", "a.tif", "--mask", "mask.tif"],
        ["super-resolve", "a.tif", "--factor", "2"],
        ["batch", "a.tif", "-o", "out"],
    ):
        assert cli.main([*words, "--config", "tiny.json"]) == 0
    assert cli.main(["info", "--json"]) == 0


def test_outputs_do_not_identify_the_patient(folder, capfd, caplog):
    caplog.set_level(0)
    pixels = np.random.default_rng(0).integers(0, 2000, (20, 16), dtype=np.uint16)
    save(
        folder / "scan.dcm", pixels=pixels, PatientBirthDate="19010203", InstitutionName="Doe Hall"
    )
    save(folder / "broken.dcm", pixels=pixels[:3])
    content = (folder / "broken.dcm").read_bytes()
    (folder / "broken.dcm").write_bytes(content[:-40])
    assert cli.main(["denoise", "scan.dcm", "--config", "tiny.json", "--json"]) == 0
    assert cli.main(["denoise", "broken.dcm", "--config", "tiny.json", "--traceback"]) == 3
    for suffix in ("tif", "nii", "ome.zarr"):
        words = ["denoise", "scan.dcm", "-o", f"out.{suffix}", "--config", "tiny.json"]
        assert cli.main(words) == 0
    printed = capfd.readouterr()
    messages = [printed.out.encode(), printed.err.encode(), caplog.text.encode()]
    written = [
        path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.suffix != ".dcm"
    ]
    for name in (PATIENT, "Doe", "19010203"):
        assert not any(name.encode() in text for text in (*messages, *written))


def test_runs_leave_no_file_thread_or_memory_behind(folder):
    process = psutil.Process()

    def use():
        gc.collect()
        handles = getattr(process, "num_fds", getattr(process, "num_handles", None))()
        return handles, threading.active_count(), process.memory_info().rss

    image, config = noisy_waves((32, 32)), tiny_config(2, threads=1)
    for _ in range(3):
        napari_dip.denoise(image, config=config)
    handles, threads, memory = use()
    for _ in range(10):
        napari_dip.denoise(image, config=config)
    again = use()
    assert again[0] <= handles
    assert again[1] <= threads
    assert again[2] < memory + 20e6


def test_two_batches_on_one_folder_write_complete_results(folder):
    for name in "bc":
        tifffile.imwrite(f"{name}.tif", noisy_waves((20, 16)).astype(np.float32))
    codes = []

    def run():
        words = ["batch", "a.tif", "b.tif", "c.tif", "-o", "out", "--config", "tiny.json"]
        codes.append(cli.main([*words, "--overwrite"]))

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == [0, 0]
    results = {f"{stem}_denoise.ome.tif{end}" for stem in "abc" for end in ("", ".json")}
    assert names(folder / "out") == {"manifest.jsonl", *results}
    for path in (folder / "out").glob("*.tif"):
        assert io.read_image(path).shape == (20, 16)
