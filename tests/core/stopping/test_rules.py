from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

import pytest
import torch

from napari_dip.core.stopping.build import build_rule
from napari_dip.core.stopping.limits import MaxIterations, StopRequested, TimeLimit
from napari_dip.core.stopping.rules import (
    AnyOf,
    Discrepancy,
    Evidence,
    HeldOut,
    MeasureMinimum,
    NegligibleNoise,
    StopReason,
)
from napari_dip.core.stopping.variance import MovingVariance, WindowedVariance
from tests.tiny import tiny_config


def evidence(iteration, error=1.0, seconds=0.0, pixels=None):
    return Evidence(iteration, seconds, error, torch.zeros(4) if pixels is None else pixels)


def feed(rule, errors):
    for iteration, error in enumerate(errors, start=1):
        reason = rule.update(evidence(iteration, error))
        if reason is not None:
            return iteration, reason
    return None


def valley(bottom, length):
    return [1 + ((k - bottom) / bottom) ** 2 for k in range(1, length + 1)]


def test_held_out_stops_after_its_patience_and_selects_the_minimum():
    rule = HeldOut(patience=20, tolerance=0.0, guard=0)
    assert feed(rule, valley(50, 200)) == (70, StopReason.HELD_OUT_MINIMUM)
    assert rule.selected == 50


def test_stops_when_jpeg_blocks_increase():
    rule = MeasureMinimum(StopReason.FEWEST_BLOCKS, patience=20, guard=10)
    roughness = [0.1] * 10 + valley(50, 200)[10:]
    reasons = [
        rule.update(replace(evidence(k), measure=value)) for k, value in enumerate(roughness, 1)
    ]
    assert reasons.index(StopReason.FEWEST_BLOCKS) == 69
    assert rule.update(evidence(300)) is None  # an image without blocks


def test_held_out_gain_keeps_an_earlier_estimate_unless_a_later_one_is_clearly_better():
    falls = (torch.tensor([0.4, -0.4]), torch.tensor([0.4, 0.3]))  # by chance, and clearly
    kept = []
    for fall in falls:
        rule = HeldOut(patience=20, tolerance=0.0, guard=0, gain=2.0)
        for iteration, errors in ((0, torch.ones(2)), (8, torch.ones(2) - fall - 0.01)):
            rule.update(replace(evidence(iteration, float(errors.mean())), heldout_errors=errors))
        kept.append(rule.selected)
    assert kept == [0, 8]


def test_held_out_margin_ignores_a_rise_within_chance():
    rises = (torch.tensor([1.0, 0.0]), torch.tensor([1.0, 0.9]))  # means 0.5 and 0.95
    kept = []
    for rise in rises:
        rule = HeldOut(patience=20, tolerance=0.0, guard=0, margin=1.0)
        rule.update(replace(evidence(1, 2.0), heldout_errors=torch.full((2,), 2.0)))
        rule.update(replace(evidence(2, 2.9), heldout_errors=2.0 + rise))
        kept.append(rule.selected)
    assert kept == [2, 1]


@pytest.mark.parametrize(("pixels", "kept"), [(4, 2), (400, 1)])
def test_held_out_margin_shrinks_with_more_pixels(pixels, kept):
    rule = HeldOut(patience=20, tolerance=0.0, guard=0, margin=1.0)
    rise = torch.tensor([-1.0, 1.4]).repeat(pixels // 2)  # mean 0.2, deviation 1.2
    rule.update(replace(evidence(1, 2.0), heldout_errors=torch.full((pixels,), 2.0)))
    rule.update(replace(evidence(2, 2.2), heldout_errors=2.0 + rise))
    assert rule.selected == kept


def test_held_out_selects_the_first_of_equal_errors():
    rule = HeldOut(patience=3, tolerance=0.0, guard=0)
    assert feed(rule, [1.0] * 9) == (4, StopReason.HELD_OUT_MINIMUM)
    assert rule.selected == 1


def test_renewed_patience_starts_again():
    rule = HeldOut(patience=3, tolerance=0.0, guard=0)
    rule.update(evidence(1))
    rule.renew(10)
    assert [rule.update(evidence(k)) is None for k in (4, 12, 13)] == [True, True, False]


def test_measure_minimum_ignores_values_before_the_guard_and_ties():
    rule = MeasureMinimum(StopReason.FEWEST_BLOCKS, patience=2, guard=3)
    values = [0.0, 0.0, 0.0, 1.0, 1.0, 1.0]
    reasons = [
        rule.update(replace(evidence(k), measure=value)) for k, value in enumerate(values, 1)
    ]
    assert rule.selected == 4
    assert reasons == [None] * 5 + [StopReason.FEWEST_BLOCKS]


def test_held_out_tolerance_ends_a_slow_descent():
    creeping = [1 - 1e-6 * k for k in range(200)]
    rule = HeldOut(patience=20, tolerance=1e-3, guard=0)
    iteration, _ = feed(rule, creeping)
    assert iteration < 30
    assert rule.selected == iteration


def test_held_out_waits_for_its_guard():
    rule = HeldOut(patience=5, tolerance=0.0, guard=60)
    iteration, _ = feed(rule, valley(10, 200))
    assert iteration == 61


def test_held_out_selects_nothing_without_held_out_pixels():
    rule = HeldOut(patience=1, tolerance=0.0, guard=0)
    assert feed(rule, [None] * 20) is None
    assert rule.selected is None


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


@pytest.mark.parametrize(
    ("stop", "opinion"),
    [("auto", 1), ("heldout", 1), ("variance", None), ("sure", None), ("none", None)],
)
def test_configuration_chooses_the_rules(stop, opinion):
    config = tiny_config(stop=stop).complete()
    rule = build_rule(config, time_limit=None, stop_requested=lambda: False)
    rule.update(evidence(1))
    assert rule.selected == opinion


@pytest.mark.parametrize(
    ("dims", "variance_of", "moving"),
    [(2, "auto", False), (3, "auto", True), (2, "moving", True), (3, "window", False)],
)
def test_volumes_use_the_moving_variance(dims, variance_of, moving):
    config = tiny_config(stop="variance", dims=dims).complete()
    stopping = config.fit.stopping.model_copy(update={"variance_of": variance_of})
    fit = config.fit.model_copy(update={"stopping": stopping})
    rule = build_rule(
        config.model_copy(update={"fit": fit}), time_limit=None, stop_requested=lambda: False
    )
    assert any(isinstance(part, MovingVariance) for part in rule._rules) is moving


def test_moving_variance_accepts_steps_of_several_iterations():
    often, rarely = (MovingVariance(decay=0.9, patience=10, guard=0) for _ in "ab")
    outputs = torch.randn(400, 50, generator=torch.Generator().manual_seed(0))
    for iteration in range(1, 401):
        often.update(evidence(iteration, pixels=outputs[iteration - 1]))
        if iteration % 10 == 0:
            rarely.update(evidence(iteration, pixels=outputs[iteration - 1]))
    assert rarely._variance == pytest.approx(often._variance, rel=0.5)


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
