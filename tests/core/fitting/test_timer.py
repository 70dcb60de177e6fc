from __future__ import annotations

import pytest

from napari_dip.core.fitting import timer as timer_module
from napari_dip.core.fitting.timer import Timer


@pytest.fixture
def now(monkeypatch):
    """Return a list with the time that all timers read."""
    now = [100.0]
    monkeypatch.setattr(timer_module.time, "perf_counter", lambda: now[0])
    return now


def test_counts_seconds_without_pauses(now):
    timer = Timer()
    now[0] += 3
    with timer.waiting():
        now[0] += 50
    now[0] += 2
    assert timer.seconds == 5


def test_leaves_a_pause_out_that_ends_with_an_error(now):
    timer = Timer()

    def closed_while_waiting():
        with timer.waiting():
            now[0] += 50
            raise ValueError("closed")

    with pytest.raises(ValueError, match="closed"):
        closed_while_waiting()
    assert timer.seconds == 0


def test_leaves_out_the_time_that_the_request_to_stop_takes(now):
    def ask():
        now[0] += 50
        return True

    timer = Timer(ask)
    assert timer.stop_requested()
    assert timer.seconds == 0
