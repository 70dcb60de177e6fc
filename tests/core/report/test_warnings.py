"""Warnings name the probable cause, and what to do."""

import pytest

from napari_dip.config import DipConfig
from napari_dip.core.records import NoiseRecord, StripesRecord
from napari_dip.core.report.warnings import of_fit, of_noiseless, of_stripes
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


def test_stripes_are_reported_with_direction_and_deviation():
    stripes = StripesRecord(direction="rows", sigma=4.2)
    noise = [NoiseRecord(model="gaussian", sigma=1.0, stripes=stripes)]
    (sentence,) = of_stripes(noise)
    assert "along rows" in sentence
    assert "4.2" in sentence
    assert "partial-rows" not in sentence
    assert of_stripes([NoiseRecord(model="gaussian", sigma=1.0)]) == ()


def test_stripes_that_end_within_lines_name_the_choice_that_removes_them():
    stripes = StripesRecord(direction="columns", sigma=4.2, end_within_lines=True)
    noise = [NoiseRecord(model="gaussian", sigma=1.0, stripes=stripes)]
    assert "partial-columns" in of_stripes(noise)[0]


@pytest.mark.parametrize(
    ("sigma", "level"), [(0.25, " (standard deviation 0.25)"), (1e-19, "")], ids=["some", "none"]
)
def test_negligible_noise_has_its_level_unless_it_is_none(sigma, level):
    (sentence,) = of_noiseless(
        [NoiseRecord(model="gaussian", sigma=sigma, negligible=True)], fitted=False
    )
    assert sentence.startswith(f"The image has hardly any noise{level}. All pixels")
