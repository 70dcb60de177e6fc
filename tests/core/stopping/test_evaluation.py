"""Measures of an estimate without the truth, compared with numbers computed by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from napari_dip.config import DipConfig
from napari_dip.core.noise.model import NoiseModel
from napari_dip.core.operators.jpeg import Jpeg, blockiness
from napari_dip.core.problem import make_problem
from napari_dip.core.stopping.evaluation import (
    Evaluator,
    agreement,
    find_measure,
    posterior_scale,
    split_pixels,
    weighted_mean,
    whiteness,
)
from napari_dip.core.stopping.sure import Sure


def problem_of(observation, valid=None, variance=4.0):
    """Return a problem of one channel, (1, Y, X), with Gaussian noise."""
    observation = np.asarray(observation, dtype=np.float32)
    valid = np.ones(observation.shape, dtype=bool) if valid is None else valid
    noise = [NoiseModel(0.0, variance, 0.0)]
    return make_problem(observation, valid, noise, (-10.0, 10.0), torch.device("cpu"))


def test_weighted_mean_is_0_without_weight():
    values = torch.tensor([1.0, 5.0, 9.0])
    assert weighted_mean(values, torch.tensor([1.0, 3.0, 0.0])) == 4.0
    assert weighted_mean(values, torch.tensor([0.0, 1.0, 0.0])) == 5.0
    assert weighted_mean(values, torch.zeros(3)) == 0.0


@pytest.mark.parametrize("everywhere", [True, False])
@pytest.mark.parametrize("held", [True, False])
def test_evaluator_reads_the_loss_and_the_requested_errors(held, everywhere):
    valid = np.array([[[True, True, True, False]]])
    problem = problem_of([[[2.0, 4.0, 6.0, 99.0]]], valid)
    # Squares divided by the variance, 4, are 1, 4 and 9; one held-out pixel has weight 3.
    heldout = torch.tensor([[[[0.0, 1.0, 3.0, 0.0]]]]) if held else None
    evaluator = Evaluator(problem, heldout, "discrepancy" if everywhere else "auto")
    found = evaluator.read(torch.tensor(7.0, requires_grad=True), torch.zeros(1, 1, 1, 4))
    assert found.loss == 7.0
    assert found.heldout_error == (pytest.approx((4 + 27) / 4) if held else None)
    assert (None if found.heldout_errors is None else found.heldout_errors.tolist()) == (
        [4, 27] if held else None
    )
    assert found.discrepancy == (pytest.approx(14 / 3) if everywhere else None)


@pytest.mark.parametrize(
    ("truth", "pixels", "weight"),
    [(0.0, 4000, 0.0), (1.0, 4000, 0.25), (4.0, 4000, 1.0), (9.0, 4000, 1.0), (0.0, 1, 0.0735)],
)
def test_weight_is_where_the_error_at_held_out_pixels_is_least(truth, pixels, weight):
    # The estimates are 0 and 4; a single pixel counts little beside what is usual for flat images.
    problem = problem_of(np.full((1, 1, pixels), truth))
    evaluator = Evaluator(problem, torch.ones(1, 1, 1, pixels), "auto")
    first = torch.zeros(1, 1, 1, pixels)
    assert evaluator.weight_of(first + 4, first) == pytest.approx(weight, abs=2e-3)
    assert Evaluator(problem, None, "auto").weight_of(first + 4, first) is None


@pytest.mark.parametrize("channels", [1, 3])
def test_fit_counts_more_where_the_first_estimate_has_structure(channels):
    random = np.random.default_rng(0)

    def weight(contrast, covered=1.0):
        first = contrast * torch.tensor(random.normal(size=(1, channels, 64, 64))).float()
        first[..., int(64 * covered) :, :] = 0
        noise = [NoiseModel(0.0, 4.0, 0.0)] * channels
        image, valid = np.zeros((channels, 64, 64), np.float32), np.ones((channels, 64, 64), bool)
        problem = make_problem(image, valid, noise, (-10.0, 10.0), torch.device("cpu"))
        heldout = torch.zeros(1, channels, 64, 64)
        heldout[..., 0, 0] = 1e-6
        return Evaluator(problem, heldout, "auto").weight_of(first + 1, first)

    assert weight(0) == pytest.approx(0.1, abs=0.01)
    assert weight(2.0) == pytest.approx(0.5, abs=0.01)
    assert 0.15 < weight(0.04) < weight(0.1) < 0.5
    assert weight(2.0, covered=0.1) == pytest.approx(0.1, abs=0.01)  # most of it is flat


@pytest.mark.parametrize(
    ("error", "factor"),
    # Squared residual minus the variance of the noise, 4, divided by that of the samples, 2.
    [(6.0, np.sqrt((36 - 4) / 2)), (np.sqrt(6), 1.0), (2.0, 0.5), (100.0, 3.0)],
)
def test_posterior_scale_matches_the_error_at_held_out_pixels(error, factor):
    problem = problem_of([[[error, 50.0]]])
    heldout, spread = torch.tensor([[[[1.0, 0.0]]]]), torch.full((1, 1, 1, 2), 2.0)
    found = posterior_scale(problem, torch.zeros(1, 1, 1, 2), spread, heldout)
    assert found == pytest.approx(min(factor, 3.0))
    assert posterior_scale(problem, torch.zeros(1, 1, 1, 2), spread, None) == 1.0


def test_agreement_compares_the_difference_of_two_rules_with_the_residual():
    valid = np.array([[[True, True, False]]])
    problem = problem_of([[[2.0, -2.0, 0.0]]], valid)
    kept = torch.zeros(1, 1, 1, 3)
    apart = torch.tensor([[[[0.5, 0.5, 100.0]]]])
    assert agreement(problem, kept, None) is None
    assert agreement(problem, kept, kept) == 1.0
    assert agreement(problem, kept, apart) == pytest.approx(0.75)
    assert agreement(problem, kept, 10 * apart) == 0.0


def test_whiteness_is_lower_for_a_structured_residual():
    noise = np.random.default_rng(0).normal(size=(1, 32, 32))
    ramp = np.linspace(-9, 9, 32) * np.ones((1, 32, 1))
    nothing = torch.zeros(1, 1, 32, 32)
    assert whiteness(problem_of(noise), nothing) > whiteness(problem_of(noise + ramp), nothing)


def split(problem, stop):
    return split_pixels(problem, DipConfig(stop=stop).complete(), torch.Generator().manual_seed(0))


STOPPING = DipConfig().complete().fit.stopping
# An image of this side has about the number of held-out pixels that `auto` needs.
SIDE = round((STOPPING.heldout_least / STOPPING.heldout_fraction) ** 0.5)


@pytest.mark.parametrize("stop", ["auto", "heldout"])
def test_each_valid_pixel_is_fitted_or_held_out(stop):
    valid = np.ones((3, 2 * SIDE, 2 * SIDE), dtype=bool)
    valid[:, :8] = False
    fitted, heldout = split(problem_of(np.zeros(valid.shape), valid), stop)
    torch.testing.assert_close(fitted + heldout, torch.tensor(valid).float()[None])
    assert not bool((fitted * heldout).any())
    fraction = float(heldout.sum()) / valid.sum()
    assert fraction == pytest.approx(STOPPING.heldout_fraction, rel=0.3)


@pytest.mark.parametrize("stop", ["none", "variance", "sure", "blocks"])
def test_rules_without_held_out_pixels_fit_all_pixels(stop):
    fitted, heldout = split(problem_of(np.zeros((1, 2 * SIDE, 2 * SIDE))), stop)
    assert bool(fitted.all())
    assert heldout is None


def test_holds_out_too_few_pixels_only_on_demand():
    # The three channels of a pixel are held out together and count once.
    few = problem_of(np.zeros((3, round(0.8 * SIDE), round(0.8 * SIDE))))
    fitted, heldout = split(few, "auto")
    assert bool(fitted.all())
    assert heldout is None
    _, heldout = split(few, "heldout")
    assert heldout.sum() > 0
    assert bool((heldout == heldout[:, :1]).all())
    nothing = problem_of(np.zeros((1, 2, 2)), np.zeros((1, 2, 2), dtype=bool))
    assert split(nothing, "heldout")[1] is None


def test_each_rule_minimises_its_own_measure():
    problem = problem_of(np.random.default_rng(0).normal(size=(1, 16, 16)))
    average = torch.zeros(1, 1, 16, 16)
    assert isinstance(find_measure(problem, "sure"), Sure)
    assert find_measure(problem, "auto")(average) is None
    picture = torch.rand((1, 1, 16, 16), generator=torch.Generator().manual_seed(0))
    jpeg = Jpeg([torch.ones(8, 8)], (1, 1), (16, 16))
    coded = replace(problem, operator=jpeg, observation=jpeg(picture))
    expected = blockiness(jpeg, picture, coded.observation, coded.noise)
    assert expected > 0
    assert find_measure(coded, "blocks")(picture) == expected
    assert find_measure(problem, "blocks")(average) is None
