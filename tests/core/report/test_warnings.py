"""Warnings name the probable cause, and what to do."""

import pytest

from napari_dip.config import DipConfig
from napari_dip.core.report.warnings import of_fit
from napari_dip.core.tasks import Denoise

SMOOTH, WHITE = 0.5, 1.4


def advice(whiteness: float, reason: str) -> tuple[str, ...]:
    diagnostics = {"residual_whiteness": whiteness, "stopping_agreement": None}
    return of_fit(Denoise(), DipConfig(), [], diagnostics, [reason])


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        ("max_iterations", "Allow more iterations"),
        ("stop_requested", "Allow more iterations"),
        ("held_out_minimum", "noise is correlated"),
    ],
)
def test_smooth_residual_names_the_likely_cause(reason, cause):
    (warning,) = advice(SMOOTH, reason)
    assert cause in warning


@pytest.mark.parametrize("reason", ["max_iterations", "held_out_minimum"])
def test_white_residual_gives_no_warning(reason):
    assert advice(WHITE, reason) == ()
