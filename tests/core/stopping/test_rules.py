from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

import pytest

from napari_dip.core.stopping.held_out import HeldOut
from napari_dip.core.stopping.limits import MaxIterations, StopRequested, TimeLimit
from napari_dip.core.stopping.rules import (
    AnyOf,
    Discrepancy,
    MeasureMinimum,
    NegligibleNoise,
    StopReason,
)
from tests.core.stopping.evidence import evidence, valley


def test_stops_when_jpeg_blocks_increase():
    rule = MeasureMinimum(StopReason.FEWEST_BLOCKS, patience=20, guard=10)
    roughness = [0.1] * 10 + valley(50, 200)[10:]
    reasons = [
        rule.update(replace(evidence(k), measure=value)) for k, value in enumerate(roughness, 1)
    ]
    assert reasons.index(StopReason.FEWEST_BLOCKS) == 69
    assert rule.update(evidence(300)) is None  # an image without blocks


def test_measure_minimum_ignores_values_before_the_guard_and_ties():
    rule = MeasureMinimum(StopReason.FEWEST_BLOCKS, patience=2, guard=3)
    values = [0.0, 0.0, 0.0, 1.0, 1.0, 1.0]
    reasons = [
        rule.update(replace(evidence(k), measure=value)) for k, value in enumerate(values, 1)
    ]
    assert rule.selected == 4
    assert reasons == [None] * 5 + [StopReason.FEWEST_BLOCKS]


def test_any_of_updates_all_rules_and_gives_the_first_reason():
    watching = HeldOut(5, 0.0, 0)
    rule = AnyOf([TimeLimit(1.0), MaxIterations(1), watching])
    assert rule.update(evidence(7, 0.5, seconds=1.0)) is StopReason.TIME_LIMIT
    assert watching.selected == 7
    assert rule.memory.selections == [7]
    assert len(rule.memory._rules) == 1


def test_any_of_uses_the_first_rule_with_a_selection():
    silent, speaking = HeldOut(5, 0.0, 0), HeldOut(5, 0.0, 0)
    rule = AnyOf([MaxIterations(9), silent, speaking])
    speaking.update(evidence(4, 0.5))
    assert rule.selected == 4


def test_any_of_lists_selections_in_the_order_of_its_rules():
    first, second = HeldOut(5, 0.0, 0), HeldOut(5, 0.0, 0)
    rule = AnyOf([MaxIterations(9), first, second])
    second.update(evidence(4, 0.5))
    assert rule.selections == [4]
    first.update(evidence(3, 0.5))
    assert rule.selections == [3, 4]


def test_copied_rule_continues_from_its_state():
    rule = AnyOf([HeldOut(20, 0.0, 0), StopRequested(lambda: False)])
    errors = valley(50, 200)
    for iteration in range(1, 40):
        rule.update(evidence(iteration, errors[iteration - 1]))
    copied = deepcopy(rule)
    for iteration in range(40, 60):
        copied.update(evidence(iteration, errors[iteration - 1]))
    assert copied.selected == 50
    assert rule.selected == 39


def test_discrepancy_stops_once_the_residual_equals_the_noise():
    rule = Discrepancy(guard=1)
    residuals = [0.5, 3.0, 1.01, None, 1.0]
    reasons = [
        rule.update(replace(evidence(iteration), discrepancy=residual))
        for iteration, residual in enumerate(residuals, 1)
    ]
    assert reasons == [None, None, None, None, StopReason.DISCREPANCY]


@pytest.mark.parametrize(
    ("share", "iteration", "reason"),
    [
        (None, 150, None),
        (0.5, 150, None),
        (0.05, 50, None),
        (0.05, 100, StopReason.NO_NOISE),
        (0.1, 150, StopReason.NO_NOISE),
    ],
    ids=["not looked at", "noise", "too early", "at the guard", "at the limit"],
)
def test_stops_if_hardly_any_of_the_residual_is_noise(share, iteration, reason):
    rule = NegligibleNoise(0.1, guard=100)
    assert rule.update(replace(evidence(iteration), most_removed=share)) is reason
    assert rule.selected is None
