"""Warnings say what is probably the cause, and what to do."""

import pytest

from napari_dip.config import DipConfig
from napari_dip.core.advice import of_fit
from napari_dip.tasks import Denoise

SMOOTH, WHITE = 0.5, 1.4


def advice(whiteness: float, *, cut_short: bool) -> tuple[str, ...]:
    diagnostics = {"residual_whiteness": whiteness, "stopping_agreement": None}
    return of_fit(Denoise(), DipConfig(), [], diagnostics, cut_short=cut_short)


@pytest.mark.parametrize(
    ("cut_short", "cause"), [(True, "Let it go on"), (False, "noise is correlated")]
)
def test_a_smooth_residual_is_blamed_on_what_is_likely(cut_short, cause):
    (warning,) = advice(SMOOTH, cut_short=cut_short)
    assert cause in warning


@pytest.mark.parametrize("cut_short", [True, False])
def test_nothing_is_said_of_a_white_residual(cut_short):
    assert advice(WHITE, cut_short=cut_short) == ()
