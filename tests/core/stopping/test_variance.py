from __future__ import annotations

from copy import deepcopy

import pytest
import torch

from napari_dip.core.stopping.rules import StopReason
from napari_dip.core.stopping.variance import MovingVariance, WindowedVariance
from tests.core.stopping.evidence import evidence


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param(WindowedVariance(window=5, patience=10, guard=0), id="window"),
        pytest.param(MovingVariance(decay=0.8, patience=10, guard=5), id="moving"),
    ],
)
def test_variance_rules_select_the_iteration_of_least_change(rule):
    rule = deepcopy(rule)
    generator = torch.Generator().manual_seed(0)
    reason = None
    for iteration in range(1, 200):
        spread = abs(iteration - 40) / 40 + 0.1
        pixels = spread * torch.randn(500, generator=generator)
        reason = rule.update(evidence(iteration, pixels=pixels))
        if reason:
            break
    assert reason is StopReason.VARIANCE_MINIMUM
    assert 35 <= rule.selected <= 47


def test_moving_variance_accepts_steps_of_several_iterations():
    often, rarely = (MovingVariance(decay=0.9, patience=10, guard=0) for _ in "ab")
    outputs = torch.randn(400, 50, generator=torch.Generator().manual_seed(0))
    for iteration in range(1, 401):
        often.update(evidence(iteration, pixels=outputs[iteration - 1]))
        if iteration % 10 == 0:
            rarely.update(evidence(iteration, pixels=outputs[iteration - 1]))
    assert rarely._variance == pytest.approx(often._variance, rel=0.5)
