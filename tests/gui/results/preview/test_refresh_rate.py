from __future__ import annotations

import pytest

from napari_dip.gui.results.preview.refresh_rate import RefreshRate


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def refresh(clock, rate, seconds, painting=0.0):
    rate.start()
    clock.now += seconds
    rate.stop()
    clock.now += painting
    rate.painted()


def test_the_first_refresh_is_due_at_once():
    assert RefreshRate(Clock()).due


def test_a_cheap_refresh_comes_five_times_a_second():
    clock = Clock()
    rate = RefreshRate(clock)
    refresh(clock, rate, 0.001)
    assert not rate.due
    clock.now += 0.2
    assert rate.due


def test_refreshing_takes_at_most_a_fiftieth_of_the_time():
    clock = Clock()
    rate = RefreshRate(clock)
    refresh(clock, rate, 0.02, painting=0.08)
    assert rate.cost == pytest.approx(0.1)
    assert rate.interval == pytest.approx(5)
    refresh(clock, rate, 0.002, painting=0.002)
    assert rate.interval == pytest.approx(0.2)


def test_only_the_first_frame_counts_as_cost_of_a_refresh():
    clock = Clock()
    rate = RefreshRate(clock)
    refresh(clock, rate, 0.01)
    clock.now += 3
    rate.painted()  # the user moved the mouse
    assert rate.cost == pytest.approx(0.01)


def test_hidden_window_does_not_delay_refreshes():
    clock = Clock()
    rate = RefreshRate(clock)
    rate.start()
    clock.now += 0.01
    rate.stop()
    assert rate.interval == pytest.approx(0.5)
