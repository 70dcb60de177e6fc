"""Stacks: finite, of five planes that resemble their neighbours, and neighbours in their order."""

from __future__ import annotations

import numpy as np
import pytest
from training.stacks import PLANES, STACKS, make_stack, with_neighbours

SIZE = 48


@pytest.mark.parametrize("kind", STACKS)
def test_each_kind_has_five_finite_planes_that_differ_within(kind):
    for seed in range(4):
        stack = kind(np.random.default_rng(seed), SIZE)
        assert stack.shape == (PLANES, SIZE, SIZE)
        assert np.isfinite(stack).all()
        assert stack.std() > 0


def test_stacks_are_reproducible_and_within_their_range():
    first, again = (make_stack(np.random.default_rng(5), SIZE) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    for seed in range(20):
        stack = make_stack(np.random.default_rng(seed), SIZE)
        assert 0 <= stack.min() < stack.max() <= 1.5


def test_near_planes_resemble_the_middle_more_than_far_ones():
    near, far = [], []
    for seed in range(40):
        planes = make_stack(np.random.default_rng(seed), SIZE)
        near.append(np.square(planes[2] - planes[1]).mean())
        far.append(np.square(planes[2] - planes[0]).mean())
    assert np.mean(near) < 0.8 * np.mean(far)


def test_neighbours_stand_behind_the_middle_nearest_first():
    numbered = np.arange(PLANES, dtype=float)[:, None, None] * np.ones((1, 8, 8)) + 1
    orders = set()
    for seed in range(200):
        order = with_neighbours(np.random.default_rng(seed), numbered)
        assert (order[0] == 3).all()  # the middle never changes
        orders.add(tuple(plane.mean() for plane in order))
    assert (3, 2, 4, 1, 5) in orders
    assert (3, 4, 4, 5, 5) in orders  # the first plane of a stack
    assert (3, 2, 2, 1, 1) in orders  # the last
