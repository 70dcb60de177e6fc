from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from napari_dip.core.fitting.monitor import Monitor
from napari_dip.core.fitting.trainer import Passes
from napari_dip.core.operators.base import Identity
from napari_dip.core.stopping.evaluation import Evaluation
from napari_dip.core.stopping.rules import StopReason


class State:
    """A state whose loss has collapsed where it is above 10."""

    def __init__(self):
        self.average = SimpleNamespace(value=torch.full((1, 1, 2, 3), 5.0))
        self.judged_average = self.average.value
        self.selected_iteration, self.kept, self.rolled_back = 7, [], []

    def has_collapsed(self, loss, iteration):
        return loss > 10

    def roll_back(self, iteration):
        self.rolled_back.append(iteration)

    def keep_checkpoint(self, iteration, loss):
        self.kept.append(iteration)


def monitor_of(timer, *, every=1, interval=1.0):
    evaluator = SimpleNamespace(
        read=lambda loss, average: Evaluation(float(loss), float(average.mean()), None, None, None)
    )
    problem = SimpleNamespace(operator=Identity())
    state = State()
    return (
        Monitor(
            problem,
            state,
            evaluator,
            timer,
            lambda average: average + 1,
            Passes(3.0),
            every=every,
            interval=interval,
        ),
        state,
    )


def timer_of(stop=False):
    return SimpleNamespace(seconds=0.0, stop_requested=lambda: stop)


def test_is_due_regularly_at_the_last_iteration_and_on_request():
    monitor, _ = monitor_of(timer_of(), every=4)
    assert [n for n in range(1, 12) if monitor.is_due(n, last=10)] == [4, 8, 10]
    assert monitor_of(timer_of(stop=True), every=4)[0].is_due(3)


def test_collapse_rolls_back_and_keeps_no_checkpoint():
    monitor, state = monitor_of(timer_of())
    assert monitor.assess(1, torch.tensor(2.0)).heldout_error == 5.0
    assert monitor.assess(2, torch.tensor(20.0)) is None
    assert (state.kept, state.rolled_back) == ([1], [2])


def test_pace_is_the_median_time_of_an_iteration():
    timer = timer_of()
    monitor, _ = monitor_of(timer, every=2)
    for iteration, seconds in ((2, 2.0), (4, 2.2), (6, 12.2)):
        timer.seconds = seconds
        monitor.assess(iteration, torch.tensor(1.0))
    assert monitor.seconds_per_iteration == pytest.approx(1.0)


def test_shows_a_snapshot_only_after_the_interval():
    timer = timer_of()
    monitor, _ = monitor_of(timer, interval=1.0)
    shown = []
    for iteration, seconds in enumerate((0.5, 1.0, 1.6, 2.0), 1):
        timer.seconds = seconds
        evaluation = monitor.assess(iteration, torch.tensor(1.0))
        if monitor.is_time_to_show():
            shown.append(monitor.snapshot(iteration, evaluation).iteration)
    assert shown == [1, 3]


def test_snapshot_has_the_finished_average_and_the_selection():
    monitor, _ = monitor_of(timer_of())
    evaluation = monitor.assess(9, torch.tensor(2.0))
    last = monitor.snapshot(9, evaluation, StopReason.HELD_OUT_MINIMUM)
    assert (last.iteration, last.selected_iteration, last.loss) == (9, 7, 2.0)
    assert last.stop_reason is StopReason.HELD_OUT_MINIMUM
    np.testing.assert_array_equal(last.estimate, np.full((1, 2, 3), 6, np.float32))
    first = monitor.first_snapshot(torch.tensor(3.0), torch.zeros(1, 1, 2, 3))
    assert (first.iteration, first.selected_iteration, first.loss) == (1, 1, 3.0)
    np.testing.assert_array_equal(first.estimate, np.ones((1, 2, 3), np.float32))
