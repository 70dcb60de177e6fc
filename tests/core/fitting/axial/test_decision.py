"""Decision between a correction and cubic interpolation."""

from __future__ import annotations

import pytest

from napari_dip.core.fitting.axial.decision import Decision


@pytest.mark.parametrize(
    ("cubic", "corrected", "uncertainty", "noise", "better"),
    [
        pytest.param(2.0, 1.0, 0.1, 0.1, True, id="better"),
        pytest.param(2.0, 1.9, 0.1, 0.1, False, id="by-chance"),
        pytest.param(2.0, 2.1, 0.01, 0.1, False, id="worse"),
        pytest.param(2.0, 1.0, 0.1, 2.0, False, id="noise-alone"),
    ],
)
def test_correction_must_be_better_than_chance_and_noise_explain(
    cubic, corrected, uncertainty, noise, better
):
    assert Decision(cubic, corrected, uncertainty, noise, 0.01).is_better is better


def test_gain_is_in_decibels():
    assert Decision(2.0, 0.2, 0.0, 0.0, 0.0).gain == pytest.approx(10)
