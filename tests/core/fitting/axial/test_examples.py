"""Examples from the planes: held-out squares, noise, and the step that matches the stack."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from napari_dip.core.fitting.axial.examples import LateralExamples, find_step
from napari_dip.core.operators.downsample import Downsample

BOX = Downsample((4, 1), "box")


def examples_of(planes, variance=0.0, step=1):
    random = np.random.default_rng(0)
    return LateralExamples(planes, np.ones(planes.shape, bool), variance, BOX, step, random)


def test_fit_does_not_see_the_held_out_squares():
    marked = examples_of(np.zeros((3, 64, 64), np.float32))
    planes = np.zeros((3, 64, 64), np.float32)
    for square in marked.squares:
        planes[:, square[0], square[1]] = 1
    examples = examples_of(planes)
    assert examples.squares == marked.squares
    for _ in range(10):
        batch = examples.draw(4)
        assert not batch.truth[batch.weight > 0].any()
        assert batch.weight.any()
    for _, batch in examples.heldout():
        assert batch.truth[batch.weight > 0].all()
        assert batch.weight.any()


@pytest.mark.parametrize("step", [1, 2])
def test_coarse_rows_have_the_noise_of_the_planes(step):
    planes = np.random.default_rng(1).normal(0, 0.1, (4, 96, 96)).astype(np.float32)
    batch = examples_of(planes, 0.01, step).draw(64)
    assert batch.coarse.std() == pytest.approx(0.1, rel=0.05)
    assert batch.truth.std() == pytest.approx(0.1 / np.sqrt(step), rel=0.05)


def test_noise_explains_the_error_of_interpolated_noise():
    planes = np.random.default_rng(1).normal(0, 0.1, (16, 96, 96)).astype(np.float32)
    examples = examples_of(planes, 0.01)
    batch = examples.draw(64)
    error = np.square(batch.truth - batch.cubic).mean()
    assert examples.noise == pytest.approx(error, rel=0.05)


@pytest.mark.parametrize("step", [1, 2, 3])
def test_step_is_the_blur_along_z_over_that_along_x(step):
    noise = np.random.default_rng(0).standard_normal((96, 144, 144))
    # One fine row along z is as long as `step` pixels along y and x.
    smooth = ndimage.gaussian_filter(noise, (6 / step, 6, 6), mode="wrap")
    planes = (smooth / smooth.std()).astype(np.float32).reshape(24, 4, 144, 144)
    stack = planes.mean(axis=1)
    assert find_step(stack, BOX, np.inf, 0.0) == step
    assert find_step(stack, BOX, 1.0, 0.0) == 1


def test_planes_of_a_few_pixels_give_no_examples():
    assert not examples_of(np.zeros((3, 12, 12), np.float32)).possible
    assert examples_of(np.zeros((3, 16, 16), np.float32)).possible
