"""Interruption of a run on the command line."""

from __future__ import annotations

import json
import signal
from contextlib import contextmanager

from napari_dip.cli import restore_file
from napari_dip.io import images as io
from tests.cli.conftest import is_one_error, listing


def press_ctrl_c(monkeypatch, times):
    """Press Ctrl-C when the first progress is shown."""
    requests = []

    def follow(progress):
        while len(requests) < times:
            requests.append(True)
            signal.raise_signal(signal.SIGINT)

    @contextmanager
    def display():
        yield follow

    monkeypatch.setattr(restore_file, "progress_display", display)


def test_ctrl_c_keeps_the_best_result_so_far(call, noisy, tmp_path, monkeypatch):
    press_ctrl_c(monkeypatch, 1)
    handler = signal.getsignal(signal.SIGINT)
    options = ("--config", "tiny.json", "--max-iterations", 10**6, "--stop", "none")
    code, out, err = call("denoise", noisy, *options, "-o", "out.tif", "--json")
    assert code == 130
    assert "kept in out.tif" in err
    assert json.loads(out)["stop_reason"] == "stop_requested"
    assert io.read_image(tmp_path / "out.tif").shape == (24, 20)
    assert signal.getsignal(signal.SIGINT) is handler


def test_second_ctrl_c_aborts_without_a_result(call, noisy, tmp_path, monkeypatch):
    press_ctrl_c(monkeypatch, 2)
    before = listing(tmp_path)
    options = ("--config", "tiny.json", "--max-iterations", 10**6, "--stop", "none")
    code, out, err = call("denoise", noisy, *options, "-o", "out.tif", "--json")
    assert (code, out) == (130, "")
    assert is_one_error(err)
    assert listing(tmp_path) == before
