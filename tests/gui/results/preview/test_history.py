from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_dip.gui.results.preview.history import History, covers
from tests.gui.results.test_progress_plot import progress

SIZE = np.zeros((4, 4), np.float32).nbytes


def filled(budget, count, blocks=1):
    history = History(budget)
    for block in range(blocks):
        for iteration in range(count):
            one = replace(progress(iteration), block=block)
            history.add(one, np.full((4, 4), iteration, np.float32))
    return history


def iterations(history, block=0):
    return [one.iteration for one in history.of(block)]


def test_keeps_all_iterates_within_the_memory():
    assert iterations(filled(10 * SIZE, 5)) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("count", [5, 9, 100, 1000])
def test_full_history_keeps_regular_intervals(count):
    kept = iterations(filled(4 * SIZE, count))
    assert kept[0] == 0
    assert len(kept) <= 4
    assert len(set(np.diff(kept))) == 1
    assert kept[-1] > count / 2


@pytest.mark.parametrize(("budget", "blocks"), [(4, 1), (6, 3), (2, 5)])
def test_memory_limit_holds_for_any_blocks(budget, blocks):
    history = filled(budget * SIZE, 20, blocks)
    held = sum(one.values.nbytes for block in range(blocks) for one in history.of(block))
    assert history.nbytes == held <= budget * SIZE


def test_keeps_the_newest_of_too_many_blocks():
    history = filled(2 * SIZE, 3, blocks=5)
    assert next(iter(history.selections())) == 4
    assert iterations(history, 0) == []


def test_does_not_keep_an_iterate_beyond_the_memory():
    assert iterations(filled(SIZE // 2, 3)) == []


def test_new_run_of_a_block_clears_its_history():
    history = filled(10 * SIZE, 5)
    history.add(progress(1), np.zeros((4, 4), np.float32))
    assert iterations(history) == [1]
    assert history.nbytes == SIZE


@pytest.mark.parametrize(
    ("selection", "position", "displayed", "expected"),
    [
        pytest.param((2, slice(None), slice(None)), (2, 0, 0), {1, 2}, True, id="the plane"),
        pytest.param((2, slice(None), slice(None)), (1, 0, 0), {1, 2}, False, id="another"),
        pytest.param((2, slice(None), slice(None)), (1, 0, 0), {0, 2}, True, id="cut across"),
        pytest.param((slice(None),) * 3, (1, 0, 0), {1, 2}, True, id="all of it"),
        pytest.param((2, slice(None), slice(None)), (1.6, 0, 0), {1, 2}, True, id="rounded"),
    ],
)
def test_covers_only_displayed_selections(selection, position, displayed, expected):
    assert covers(selection, position, displayed) is expected
