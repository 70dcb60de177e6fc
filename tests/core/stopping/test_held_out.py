from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from napari_dip.core.stopping.held_out import HeldOut
from napari_dip.core.stopping.rules import StopReason
from tests.core.stopping.evidence import evidence, feed, valley


def test_held_out_stops_after_its_patience_and_selects_the_minimum():
    rule = HeldOut(patience=20, tolerance=0.0, guard=0)
    assert feed(rule, valley(50, 200)) == (70, StopReason.HELD_OUT_MINIMUM)
    assert rule.selected == 50


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


def test_margin_keeps_a_later_estimate_within_the_error_of_the_first():
    rule = HeldOut(100, 0.0, 0, margin=1.0)
    for iteration, errors in enumerate(([1.0, 1.1], [1.3, 0.9], [1.4, 1.5]), 0):
        tensor = torch.tensor(errors)
        seen = evidence(iteration, float(tensor.mean()))
        rule.update(replace(seen, heldout_errors=tensor))
    assert rule.selected == 1
