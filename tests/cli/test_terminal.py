"""Terminal: progress, messages, results and signals."""

from __future__ import annotations

import io
import json
import signal
import threading

import numpy as np
import pytest

from napari_dip.cli import terminal
from napari_dip.core.restoration.progress import Progress


def progress(iteration=5, **numbers):
    given = {
        "heldout_error": 1.25,
        "iterations_left": 0,
        "seconds_left": 75.0,
        "psnr": 30.0,
        **numbers,
    }
    return Progress(
        block=0,
        blocks=2,
        selection=(),
        iteration=iteration,
        max_iterations=10,
        seconds=1.0,
        loss=0.5,
        selected_iteration=iteration,
        estimate=np.zeros((2, 2), np.float32),
        **given,
    )


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_terminal_shows_a_progress_bar(monkeypatch):
    screen = Terminal()
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "200")
    with terminal.progress_display() as follow:
        follow(progress())
    shown = screen.getvalue()
    assert "block 1/2" in shown
    assert "loss 0.5" in shown
    assert "at most 1 min 15 s left" in shown


def test_log_file_gets_a_progress_line_at_intervals(capsys, monkeypatch):
    clock = iter([0.0, 1.0, 11.0, 12.0, 22.0])
    monkeypatch.setattr(terminal.time, "monotonic", lambda: next(clock))
    with terminal.progress_display() as follow:
        for iteration in (1, 2, 3, 4):
            follow(progress(iteration, heldout_error=None, seconds_left=None, psnr=None))
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.splitlines() == [
        "napari-dip: block 1/2, iteration 2/10, loss 0.5",
        "napari-dip: block 1/2, iteration 4/10, loss 0.5",
    ]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_first_signal_requests_a_stop_and_second_aborts(number):
    before = signal.getsignal(number)
    with terminal.interruption() as stop_requested:
        assert not stop_requested()
        signal.raise_signal(number)
        assert stop_requested()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
    assert signal.getsignal(number) is before


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="Windows has no such signal")
@pytest.mark.parametrize(("handler", "expected"), [(signal.SIG_DFL, True), (signal.SIG_IGN, False)])
def test_lost_terminal_requests_a_stop_unless_nohup_ignores_it(handler, expected):
    before = signal.signal(signal.SIGHUP, handler)
    try:
        with terminal.interruption() as stop_requested:
            signal.raise_signal(signal.SIGHUP)
            assert stop_requested() is expected
    finally:
        signal.signal(signal.SIGHUP, before)


def test_leaves_signal_handlers_alone_outside_the_main_thread():
    seen = []

    def run():
        with terminal.interruption() as stop_requested:
            seen.append(stop_requested())

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [False]


def test_nan_and_infinity_become_null_in_json(capsys):
    values = {"psnr": float("inf"), "list": (float("nan"), 1), "nested": {"a": None}}
    terminal.print_result(values, as_json=True)
    assert json.loads(capsys.readouterr().out) == {
        "psnr": None, "list": [None, 1], "nested": {"a": None}
    }  # fmt: skip


def test_results_are_printed_as_lines(capsys):
    terminal.print_result({"psnr": 1 / 3, "devices": [], "qt": {"PyQt6": "6.11"}}, as_json=False)
    assert [line.split(maxsplit=1)[1] for line in capsys.readouterr().out.splitlines()] == [
        "0.333333", "none", "PyQt6 6.11"
    ]  # fmt: skip
