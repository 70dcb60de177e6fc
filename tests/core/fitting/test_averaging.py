from __future__ import annotations

import pytest
import torch
from torch import nn

from napari_dip.config import FitConfig
from napari_dip.core.fitting.averaging import MovingAverage
from napari_dip.core.fitting.posterior import Posterior
from napari_dip.core.optim.optimisers import typical_steps
from napari_dip.core.stopping.rules import Evidence, StopReason


@pytest.mark.parametrize(("iterations", "behind"), [(80, 9), (2000, 99)])
def test_the_average_is_behind_by_an_eighth_and_then_by_its_memory(iterations, behind):
    average = MovingAverage(0.99)
    for iteration in range(iterations):
        average.update(torch.tensor([float(iteration)]))
    assert iterations - 1 - float(average.value) == pytest.approx(behind, abs=1.5)


def test_a_shake_moves_convolutions_alone_and_by_its_noise_in_steps():
    network = nn.Sequential(nn.Conv2d(8, 64, 3), nn.BatchNorm2d(64))
    before = [weight.detach().clone() for weight in network.parameters()]
    steps = typical_steps(network, FitConfig(learning_rate=0.1))
    Posterior(2, 5.0).shake(steps, torch.Generator().manual_seed(0))
    moved = [
        float((now.detach() - then).std())
        for now, then in zip(network.parameters(), before, strict=True)
    ]
    assert abs(moved[0] - 0.5) < 0.05
    assert moved[1:] == [0.0, 0.0, 0.0]


def test_the_first_estimate_is_the_average_and_is_not_shared():
    average, estimate = MovingAverage(0.5), torch.ones(2)
    average.update(estimate)
    average.update(torch.full((2,), 3.0))
    assert average.value.tolist() == pytest.approx([2.6, 2.6])  # of two, the last counts most
    assert estimate.tolist() == [1.0, 1.0]


class Ended:
    """A fit that has a reason to end."""

    def __init__(self, reason):
        self.reason = reason

    def assess(self, evidence):
        return self.reason


def evidence(seconds=0.0):
    return Evidence(9, seconds, None, torch.zeros(1))


CUT_SHORT = {
    StopReason.STOP_REQUESTED,
    StopReason.TIME_LIMIT,
    StopReason.CONSTANT_IMAGE,
}


@pytest.mark.parametrize("reason", StopReason)
def test_samples_are_taken_after_a_fit_has_ended_by_itself_alone(reason):
    posterior = Posterior(2, 0.1)
    by_itself = reason not in CUT_SHORT
    assert posterior.assess(Ended(reason), evidence()) is (None if by_itself else reason)
    assert posterior.sampling is by_itself
    assert Posterior(0, 0.1).assess(Ended(reason), evidence()) is reason


def test_sampling_ends_with_the_reason_of_the_fit_once_all_samples_are_there():
    posterior, fit = Posterior(2, 0.1, time_limit=5.0), Ended(StopReason.HELD_OUT_MINIMUM)
    assert Posterior(2, 0.1).assess(Ended(None), evidence()) is None
    posterior.assess(fit, evidence())
    reasons = []
    for value in (1.0, 3.0):
        reasons.append(posterior.assess(fit, evidence(4.9)))
        posterior.update(torch.full((1,), value), torch.full((1,), 2 * value))
    assert reasons == [None, None]
    assert posterior.assess(fit, evidence()) is StopReason.HELD_OUT_MINIMUM
    assert (float(posterior.estimates.mean), float(posterior.predictions.mean)) == (2.0, 4.0)


def test_sampling_ends_early_when_time_is_up_or_somebody_asks():
    late, asked = Posterior(2, 0.1, time_limit=5.0), Posterior(2, 0.1, stop_requested=lambda: True)
    for posterior in (late, asked):
        posterior.assess(Ended(StopReason.MAX_ITERATIONS), evidence())
    assert late.assess(Ended(None), evidence(5.0)) is StopReason.MAX_ITERATIONS
    assert asked.assess(Ended(None), evidence()) is StopReason.STOP_REQUESTED
