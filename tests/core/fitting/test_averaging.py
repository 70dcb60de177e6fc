from __future__ import annotations

import pytest
import torch

from napari_dip.core.fitting.averaging import MovingAverage


@pytest.mark.parametrize(("iterations", "lag"), [(80, 9), (2000, 99)])
def test_average_lags_by_an_eighth_of_the_iterations_up_to_its_memory(iterations, lag):
    average = MovingAverage(0.99)
    for iteration in range(iterations):
        average.update(torch.tensor([float(iteration)]))
    assert iterations - 1 - float(average.value) == pytest.approx(lag, abs=1.5)


def test_first_average_is_a_copy_of_the_first_estimate():
    average, estimate = MovingAverage(0.5), torch.ones(2)
    average.update(estimate)
    average.update(torch.full((2,), 3.0))
    assert average.value.tolist() == pytest.approx([2.6, 2.6])  # the later estimate weighs more
    assert estimate.tolist() == [1.0, 1.0]


def test_is_empty_before_the_first_update():
    average = MovingAverage(0.99)
    assert average.is_empty
    average.update(torch.ones(2))
    assert not average.is_empty


def test_estimates_that_count_alike_have_their_mean_and_keep_the_first():
    average = MovingAverage(0.5, equally=True)
    for value in (1.0, 2.0, 6.0):
        average.update(torch.full((2,), value))
    assert average.value.tolist() == pytest.approx([3.0, 3.0])
    assert average.first.tolist() == [1.0, 1.0]
