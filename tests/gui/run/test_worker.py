from __future__ import annotations

import warnings
from threading import Event

import numpy as np
import pytest
import torch
from napari.qt.threading import create_worker
from qtpy.QtCore import QThread

from napari_dip.config import DipConfig
from napari_dip.core.image.image import as_image
from napari_dip.core.tasks import Denoise
from napari_dip.errors import DeviceError, DivergedError, MemoryExhaustedError
from napari_dip.gui.run import background, worker
from napari_dip.gui.run.background import Control
from napari_dip.gui.run.worker import RunWorker, run_in_thread
from tests.tiny import noisy_waves, printed_by, tiny_config

IMAGE = as_image(np.zeros((4, 5), np.uint8))


class Listener:
    """Keeps the signals of a run, in order."""

    def __init__(self, run: RunWorker) -> None:
        self.progress, self.ends, self.errors, self.observed = [], [], [], []
        run.observed.connect(self.observed.append)
        run.progressed.connect(self.progress.append)
        run.returned.connect(self.ends.append)
        run.failed.connect(self.errors.append)

    @property
    def iterations(self) -> list[int]:
        return [progress.iteration for progress in self.progress]


@pytest.fixture
def start(qtbot):
    """Start a run that ends with the test."""
    runs = []

    def start(image=IMAGE, config=None):
        runs.append(RunWorker(image, Denoise(), config or DipConfig()))
        return runs[-1], Listener(runs[-1])

    yield start
    for run in runs:
        run.control.cancel()


def test_run_sends_observation_progress_and_result_in_order(start, fake_restore, qtbot):
    fake_restore.free = True
    run, heard = start()
    with qtbot.waitSignal(run.returned):
        pass
    assert heard.observed[0].dtype == np.float32
    assert heard.observed[0] is not IMAGE.data
    assert heard.iterations[0] == 1
    assert heard.ends[0].report.iterations == 3
    assert heard.errors == []


def test_stop_returns_the_best_result_so_far(start, fake_restore, qtbot):
    fake_restore.iterations = 100
    run, heard = start()
    for count in (1, 2):
        fake_restore.step()
        qtbot.waitUntil(lambda count=count: len(heard.progress) == count)
    with qtbot.waitSignal(run.returned):
        run.control.stop()
    assert heard.ends[0].report.stop_reason == "stop_requested"
    np.testing.assert_array_equal(heard.ends[0].image.data, 2)


def test_cancel_returns_nothing_and_closes_the_generator(start, fake_restore, qtbot):
    fake_restore.iterations = 100
    run, heard = start()
    fake_restore.step()
    qtbot.waitUntil(lambda: heard.iterations == [1])
    with qtbot.waitSignal(run.returned):
        run.control.cancel()
    assert heard.ends == [None]
    assert fake_restore.closed.is_set()


@pytest.mark.parametrize("end", ["stop", "cancel"])
def test_a_run_can_be_ended_before_its_first_iteration(start, fake_restore, qtbot, end):
    run, heard = start()
    with qtbot.waitSignal(run.returned):
        getattr(run.control, end)()
    assert heard.progress == []
    assert (heard.ends[0] is None) == (end == "cancel")


@pytest.mark.parametrize("end", ["stop", "cancel"])
def test_ending_twice_has_no_further_effect(start, fake_restore, qtbot, end):
    run, heard = start()
    with qtbot.waitSignal(run.returned):
        run.control.stop()
        getattr(run.control, end)()
    assert len(heard.ends) == 1


@pytest.mark.parametrize("steps", [0, 1])
def test_paused_run_makes_no_iteration_until_it_resumes(
    start, fake_restore, qtbot, monkeypatch, steps
):
    halted = Event()
    wait = Control.wait_while_paused

    def tell_and_wait(control):
        if not control._going.is_set():
            halted.set()
        wait(control)

    monkeypatch.setattr(Control, "wait_while_paused", tell_and_wait)
    fake_restore.iterations = 4
    run, heard = start()
    fake_restore.step(steps)
    qtbot.waitUntil(lambda: fake_restore.reached == steps)
    run.control.pause()
    # Before the first iteration, as during tuning, a run only calls `stop_requested`.
    qtbot.waitUntil(halted.is_set)
    fake_restore.step(4 - steps)
    assert fake_restore.reached == steps
    assert heard.ends == []
    with qtbot.waitSignal(run.returned):
        run.control.resume()
    assert fake_restore.reached == 4


@pytest.mark.parametrize(("end", "kept"), [("stop", True), ("cancel", False)])
def test_a_paused_run_can_be_ended(start, fake_restore, qtbot, end, kept):
    fake_restore.iterations = 100
    run, heard = start()
    fake_restore.step()
    qtbot.waitUntil(lambda: heard.iterations == [1])
    run.control.pause()
    with qtbot.waitSignal(run.returned):
        getattr(run.control, end)()
    assert (heard.ends[0] is not None) == kept
    assert fake_restore.closed.is_set()


def test_a_run_that_is_ending_cannot_be_paused():
    control = Control()
    control.stop()
    control.pause()
    control.wait_while_paused()  # returns at once
    assert control.is_ending()
    assert control._going.is_set()


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        pytest.param(torch.OutOfMemoryError("CUDA out of memory"), MemoryExhaustedError, id="cuda"),
        pytest.param(MemoryError(), MemoryExhaustedError, id="machine"),
        pytest.param(RuntimeError("mat1 and mat2 shapes"), DeviceError, id="torch"),
        pytest.param(DivergedError("lost"), DivergedError, id="ours"),
        pytest.param(MemoryExhaustedError("full"), MemoryExhaustedError, id="ours, a MemoryError"),
        pytest.param(KeyError("bug"), KeyError, id="bug"),
    ],
)
@pytest.mark.parametrize("steps", [0, 1])
def test_no_error_is_swallowed(start, fake_restore, qtbot, error, expected, steps):
    fake_restore.iterations = 100
    run, heard = start()
    fake_restore.step(steps)
    qtbot.waitUntil(lambda: len(heard.progress) == steps)
    fake_restore.error = error
    with qtbot.waitSignal(run.failed):
        fake_restore.step()
    assert type(heard.errors[0]) is expected
    assert str(error) in str(heard.errors[0])
    assert heard.ends == []


def test_errors_of_the_package_keep_their_message(start, fake_restore, qtbot):
    fake_restore.error = MemoryExhaustedError("Got no memory.")
    run, heard = start()
    with qtbot.waitSignal(run.failed):
        fake_restore.step()
    assert str(heard.errors[0]) == "Got no memory."


def test_progress_is_not_queued_faster_than_it_is_handled(fake_restore):
    fake_restore.iterations, fake_restore.free = 1000, True
    control = Control()
    steps = run_in_thread(IMAGE, Denoise(), DipConfig(), control)
    next(steps)  # the observation
    control.note_handled()
    assert next(steps).iteration == 1
    # It was not handled: all later iterations pass without a signal.
    with pytest.raises(StopIteration) as end:
        next(steps)
    assert end.value.value.report.iterations == 1000


@pytest.mark.parametrize("end", [Control.stop, Control.cancel])
@pytest.mark.parametrize("is_early", [False, True])
def test_a_run_that_must_end_waits_for_no_window(fake_restore, end, is_early):
    fake_restore.free = True
    control = Control()
    steps = run_in_thread(IMAGE, Denoise(), DipConfig(), control)
    if is_early:
        end(control)
    next(steps)  # the observation, which nobody handles
    end(control)
    list(steps)
    assert steps.gi_frame is None  # a generator that has ended has no frame


def test_progress_comes_at_most_five_times_a_second(start, fake_restore, qtbot, monkeypatch):
    monkeypatch.setattr(worker, "INTERVAL", 3600.0)
    fake_restore.iterations, fake_restore.free = 50, True
    run, heard = start()
    with qtbot.waitSignal(run.returned):
        pass
    assert heard.iterations == [1]


def test_napari_quitting_the_worker_cancels_the_run(start, fake_restore, qtbot):
    run, heard = start()
    fake_restore.step()
    qtbot.waitUntil(lambda: heard.iterations == [1])
    with qtbot.waitSignal(run.returned):
        run._worker.quit()
    assert heard.ends == [None]
    assert fake_restore.closed.is_set()


def test_finished_run_releases_its_worker(start, fake_restore, qtbot):
    fake_restore.free = True
    run, _ = start()
    with qtbot.waitSignal(run.returned):
        pass
    assert run._worker is None


def test_the_thread_of_a_run_ends_with_it(start, fake_restore, qtbot, monkeypatch):
    threads = []

    def restore(*args, **options):
        threads.append(QThread.currentThread())
        return fake_restore(*args, **options)

    monkeypatch.setattr(worker, "restore", restore)
    fake_restore.free = True
    run, _ = start()
    with qtbot.waitSignal(run.returned):
        pass
    (thread,) = threads
    assert thread is not QThread.currentThread()
    qtbot.waitUntil(thread.isFinished)
    assert not thread.isRunning()


def test_warnings_of_a_run_go_to_its_log(qtbot, monkeypatch, tmp_path):
    monkeypatch.setenv("NAPARI_DIP_LOGS", str(tmp_path))
    shown = []
    monkeypatch.setattr(
        background.notification_manager, "receive_warning", lambda *w: shown.append(str(w[0]))
    )
    warned = Event()

    def steps(control):
        warnings.warn("a bug", RuntimeWarning, stacklevel=1)
        yield "warned"
        warned.wait(10)

    worker = background.BackgroundWorker(["test"], steps)
    with qtbot.waitSignal(worker.progressed):
        pass
    warnings.warn("unclosed file", ResourceWarning, stacklevel=1)
    warnings.warn("of another plugin", UserWarning, stacklevel=1)
    with qtbot.waitSignal(worker.returned):
        warned.set()
    assert shown == ["of another plugin"]
    (log,) = tmp_path.glob("*.log")
    assert "RuntimeWarning in " in log.read_text()
    assert "a bug" not in log.read_text()


def test_warnings_reach_napari(start, fake_restore, qtbot, monkeypatch):
    shown = []
    monkeypatch.setattr(
        background.notification_manager, "receive_warning", lambda *w: shown.append(w)
    )
    run, _ = start()
    run._worker.warned.emit((UserWarning("hot pixels"), UserWarning, "file", 1))
    assert str(shown[0][0]) == "hot pixels"


def test_warning_of_this_package_is_no_notification(start, fake_restore, qtbot, monkeypatch):
    shown = []
    monkeypatch.setattr(
        background.notification_manager, "receive_warning", lambda *w: shown.append(w)
    )
    run, _ = start()
    warning = RuntimeWarning("invalid value encountered in divide")
    run._worker.warned.emit((warning, RuntimeWarning, background.__file__, 1))
    assert shown == []


def test_the_task_has_a_readable_name():
    function = background._Titled(run_in_thread, IMAGE, Denoise(), DipConfig(), Control())
    assert f"Executing {function}" == "Executing Deep Image Prior"
    assert create_worker(function) is not None


def test_a_dock_opens_without_torch():
    code = "import sys, napari_dip.gui.dock; print('torch' in sys.modules)"
    assert printed_by(code) == "False"


def test_the_real_restore_runs_in_a_thread(start, qtbot):
    image = as_image(noisy_waves((32, 32)).astype(np.uint16))
    run, heard = start(image, tiny_config(iterations=4, threads=1))
    with qtbot.waitSignal(run.returned, timeout=60_000):
        pass
    assert heard.ends[0].image.shape == (32, 32)
    assert heard.ends[0].report.iterations == 4
    assert heard.errors == []


def test_blank_frames_are_unchanged_and_not_counted_in_the_iterations_left(start, qtbot):
    frames = np.stack([noisy_waves((16, 16)) + t for t in range(4)])
    frames[1:3] = 0
    run, heard = start(as_image(frames, "TYX"), tiny_config(4))
    with qtbot.waitSignal(run.returned, timeout=60_000):
        pass
    assert heard.errors == []
    np.testing.assert_array_equal(heard.ends[0].image.data[1:3], 0)
    assert {progress.block for progress in heard.progress} <= {0, 3}
    first = heard.progress[0]
    assert first.iteration + first.iterations_left == 2 * 4
    assert any("2 of 4 (T 1, T 2;" in text for text in heard.ends[0].report.warnings)
