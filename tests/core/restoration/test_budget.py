from __future__ import annotations

import numpy as np
import pytest

from napari_dip.core.blocks.plan import plan_blocks
from napari_dip.core.image.image import as_image
from napari_dip.core.restoration.block.warm_start import WarmStarts
from napari_dip.core.restoration.budget import IterationBudget
from tests.tiny import tiny_config


def budget_of(*, warm=False, blank=(), resumed=(), **choices):
    """Return the budget of four planes with 10 iterations, or 4 after a warm start."""
    blocks = plan_blocks(as_image(np.zeros((4, 8, 8)), "ZYX"), None)
    config = tiny_config(10, **choices).complete()
    fit = config.fit.model_copy(update={"warm_iterations": 4})
    config = config.model_copy(update={"fit": fit})
    fitted = [block for block in blocks if block.index not in blank]
    warm_starts = WarmStarts(fitted if warm else [], "ZYX")
    budget = IterationBudget(config, blocks, blank=blank, resumed=resumed, warm_starts=warm_starts)
    return budget, blocks


@pytest.mark.parametrize(
    ("choices", "left"),
    [
        ({}, [40, 30, 20, 10]),
        ({"runs": 2}, [80, 60, 40, 20]),
        ({"warm": True}, [22, 12, 8, 4]),
        ({"warm": True, "resumed": {1}}, [28, 18, 8, 4]),
        ({"blank": {1}}, [30, 20, 20, 10]),
        ({"warm": True, "blank": {0}}, [18, 18, 8, 4]),
    ],
)
def test_counts_the_iterations_from_a_block_to_the_end(choices, left):
    budget, blocks = budget_of(**choices)
    assert [budget.iterations_left(block, 0) for block in blocks] == left


def test_counts_the_later_runs_of_a_block():
    budget, blocks = budget_of(runs=3)
    assert [budget.iterations_left(blocks[-1], run) for run in range(4)] == [30, 20, 10, 0]


def test_shares_the_time_left_in_proportion_to_the_iterations():
    budget, blocks = budget_of(warm=True, time_limit=32.0)
    assert budget.time_share(blocks[0], 0, 10.0) == pytest.approx(10.0)
    assert budget.time_share(blocks[3], 0, 30.0) == pytest.approx(2.0)
    assert budget.time_share(blocks[3], 0, 40.0) == 0.0
    assert budget_of()[0].time_share(blocks[0], 0, 10.0) is None
