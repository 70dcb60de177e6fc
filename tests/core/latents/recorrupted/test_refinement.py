"""Refinement: which planes are filtered together, and what their patches bring back."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from napari_dip.core.latents.recorrupted.refinement import Refinement
from napari_dip.core.noise.model import NoiseModel
from napari_dip.core.noise.stabilise import Stabiliser
from napari_dip.core.problem import make_problem

SIGMA = 0.3
# Texture of which no two patches are alike, so only neighbours show a patch again.
TRUTH = 3 * ndimage.gaussian_filter(np.random.default_rng(0).normal(size=(64, 96)), 1)
TRUTH = TRUTH.astype(np.float32)


def noisy(place):
    return TRUTH + np.random.default_rng(10 + place).normal(0, SIGMA, TRUTH.shape).astype(
        np.float32
    )


def blurred():
    return torch.from_numpy(0.6 * TRUTH)[None, None]


def make(places, missing=None):
    """Return the refinement of plane 0 whose neighbours are these planes of a stack."""
    neighbours = np.stack([noisy(place) for place in places]) if places else None
    if missing is not None:
        neighbours[missing] = np.nan
    problem = make_problem(
        noisy(0)[None],
        np.ones((1, *TRUTH.shape), bool),
        [NoiseModel(0.0, SIGMA**2, 1e-6)],
        (0.0, 1.0),
        torch.device("cpu"),
        neighbours=neighbours,
    )
    stabiliser = Stabiliser(problem.noise, 0.5)
    empty = problem.observation[:, :0]
    stable = empty if not places else stabiliser(problem.neighbours.nan_to_num())
    return Refinement(problem, stabiliser, stable, torch.ones(1, 1, *TRUTH.shape))


def refined(refinement):
    beside = dict.fromkeys(refinement.distances, blurred())
    return refinement(blurred(), beside, 1.0)


def error(estimate):
    return float((estimate[0, 0] - torch.from_numpy(TRUTH)).square().mean())


@pytest.mark.parametrize(
    ("places", "distances"),
    [
        ((), set()),
        ((-1, 1, -2, 2), {-2, -1, 1, 2}),
        ((1, 1, 2, 2), {-2, -1}),  # the first plane of a stack: all neighbours are behind it
        ((-1, 1, 2, 2), {-1, 1}),  # the second: which side has two is not known
        ((-1, 1, -1, 1), {-1, 1}),  # the middle of three
        ((1, 1, 1, 1), set()),  # one of two
    ],
)
def test_only_planes_that_exist_are_filtered_with_a_plane(places, distances):
    assert set(make(places).distances) == distances


def test_a_neighbour_is_seen_with_the_planes_around_it():
    refinement = make((-1, 1, -2, 2))
    own = torch.zeros(1, 1, *TRUTH.shape)
    picture, around = refinement.around(1, own)
    planes = {at: refinement.around(at, own)[0] for at in (-2, -1, 1, 2)} | {0: own}
    assert torch.equal(picture, planes[1])
    # One before, one behind, two before, and instead of two behind the other side again.
    assert torch.equal(around, torch.cat([planes[at] for at in (0, 2, -1, -1)], dim=1))


def test_neighbours_bring_more_back_than_the_plane_alone():
    alone, together = (error(refined(make(places))) for places in ((), (-1, 1, -2, 2)))
    assert together < 0.9 * alone < 0.9 * error(blurred())


def test_missing_pixels_of_a_neighbour_do_not_matter():
    complete, incomplete = (
        refined(make((-1, 1, -2, 2), missing))
        for missing in (None, (0, slice(10, 20), slice(10, 20)))
    )
    assert abs(error(incomplete) - error(complete)) < 0.1 * error(complete)


def test_no_pixel_is_corrected_by_more_than_a_share_of_the_noise():
    spot = (..., 30, 50)
    with_spot = blurred()
    with_spot[spot] += 12 * SIGMA  # neither in the observation nor in a similar patch
    change = make(())(with_spot, {}, 1.0) - with_spot
    # The stabilised scale is not quite linear.
    assert float(change.abs().max()) == pytest.approx(0.7 * SIGMA, rel=0.02)
    assert float(change[spot]) == pytest.approx(-0.7 * SIGMA, rel=0.02)


def test_plane_without_adjacent_planes_keeps_its_estimate():
    estimate = blurred()
    assert make((1, 1, 1, 1))(estimate, {}, 1.0) is estimate


def test_estimate_comes_back_after_a_request_to_stop():
    estimate = blurred()
    assert make(())(estimate, {}, 1.0, lambda: True) is estimate
