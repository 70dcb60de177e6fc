from __future__ import annotations

import pytest

from napari_dip.core.stopping.build import build_rule
from napari_dip.core.stopping.variance import MovingVariance
from tests.core.stopping.evidence import evidence
from tests.tiny import tiny_config


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
