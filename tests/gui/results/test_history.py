from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_dip.gui.results.history import History
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


def test_all_is_kept_while_there_is_room():
    assert iterations(filled(10 * SIZE, 5)) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("count", [5, 9, 100, 1000])
def test_a_full_history_thins_out_evenly(count):
    kept = iterations(filled(4 * SIZE, count))
    assert kept[0] == 0
    assert len(kept) <= 4
    assert len(set(np.diff(kept))) == 1
    assert kept[-1] > count / 2


@pytest.mark.parametrize(("budget", "blocks"), [(4, 1), (6, 3), (2, 5)])
def test_memory_is_bounded_whatever_the_blocks(budget, blocks):
    history = filled(budget * SIZE, 20, blocks)
    held = sum(one.values.nbytes for block in range(blocks) for one in history.of(block))
    assert history.nbytes == held <= budget * SIZE


def test_of_too_many_blocks_the_newest_are_kept():
    history = filled(2 * SIZE, 3, blocks=5)
    assert next(iter(history.selections())) == 4
    assert iterations(history, 0) == []


def test_what_is_larger_than_all_room_is_not_kept():
    assert iterations(filled(SIZE // 2, 3)) == []


def test_another_run_of_a_block_starts_anew():
    history = filled(10 * SIZE, 5)
    history.add(progress(1), np.zeros((4, 4), np.float32))
    assert iterations(history) == [1]
    assert history.nbytes == SIZE
