from __future__ import annotations

import numpy as np
import pytest

from napari_dip.config import DipConfig
from napari_dip.core.image.image import as_image
from napari_dip.core.stopping.rules import StopReason
from napari_dip.render.text import REASONS, duration, summary
from tests.gui.conftest import make_report


def report(reason="held_out_minimum", parts=1, **changes):
    image, config = as_image(np.zeros((4, 4))), DipConfig(max_iterations=1000)
    return make_report(image, config, 840, reason, parts).model_copy(update=changes)


def test_every_stop_reason_has_words():
    assert set(REASONS) == {reason.value for reason in StopReason}


@pytest.mark.parametrize("reason", REASONS)
def test_summary_has_iteration_and_stop_reason(reason):
    assert f"Stopped at 840 of 1000: {REASONS[reason]}" in summary(report(reason))


@pytest.mark.parametrize(
    ("agreement", "words"),
    [
        (0.97, "; both rules agree."),
        (0.5, "; the other rule disagrees."),
        (None, "stopped decreasing."),
    ],
)
def test_summary_has_the_agreement_of_stopping_rules(agreement, words):
    assert words in summary(report(diagnostics={"stopping_agreement": agreement}))


def test_summary_has_the_iteration_and_the_choice_of_the_user():
    assert "Iteration 840 is kept." in summary(report())
    (mine,) = report().blocks
    chosen = report(blocks=(mine.model_copy(update={"selected_by": "user"}),))
    assert "Iteration 840 is kept, your choice." in summary(chosen)
    assert "The first answer is kept." in summary(report(selected_iteration=0))
    several = report(parts=3).blocks
    mixed = (chosen.blocks[0], *several[1:])
    assert "You chose the iteration of 1 of 3 parts." in summary(report(blocks=mixed))


def test_summary_has_one_line_per_warning():
    first, second = summary(report(warnings=("Try the preset paper.",))).split("\n")
    assert "Noise found: standard deviation 1." in first
    assert second == "Warning: Try the preset paper."


def test_summary_of_a_constant_image():
    assert "Nothing to fit: all planes and regions are constant." in summary(
        report("constant_image", blocks=())
    )


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59.6, "1 min 0 s"), (61, "1 min 1 s"), (7260, "2 h 1 min")]
)
def test_duration_has_two_units(seconds, text):
    assert duration(seconds) == text
