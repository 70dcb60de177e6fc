from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

import pytest
import torch

from napari_dip.core.stopping.limits import MaxIterations, StopRequested, TimeLimit
from napari_dip.core.stopping.rules import AnyOf, Evidence, StopReason


def evidence(iteration, seconds=0.0):
    return Evidence(iteration, seconds, 1.0, torch.zeros(4))


@pytest.mark.parametrize(
    ("rule", "last", "reason"),
    [
        (MaxIterations(3), evidence(3), StopReason.MAX_ITERATIONS),
        (TimeLimit(2.0), evidence(9, seconds=2.0), StopReason.TIME_LIMIT),
        (StopRequested(lambda: True), evidence(1), StopReason.STOP_REQUESTED),
    ],
    ids=["iterations", "time", "request"],
)
def test_limits_give_their_reason(rule, last, reason):
    assert rule.update(last) is reason
    assert rule.update(replace(last, iteration=99, seconds=99.0)) is reason
    assert rule.selected is None


def test_limits_do_not_stop_a_fit_early():
    rules = [MaxIterations(3), TimeLimit(2.0), StopRequested(lambda: False)]
    assert AnyOf(rules).update(evidence(2, seconds=1.0)) is None


def test_copy_of_stop_requested_is_itself():
    rule = StopRequested(lambda: False)
    assert deepcopy(rule) is rule
