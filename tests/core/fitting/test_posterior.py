"""Posterior sampling after a fit, whose samples are given numbers."""

from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace

import pytest
import torch

from napari_dip.api import finish
from napari_dip.core.fitting.posterior import Posterior
from napari_dip.core.stopping.rules import StopReason

CUT_SHORT = {StopReason.STOP_REQUESTED, StopReason.TIME_LIMIT, StopReason.CONSTANT_IMAGE}


@pytest.mark.parametrize("reason", StopReason)
def test_samples_only_after_a_fit_that_neither_user_nor_time_limit_ended(reason):
    assert Posterior(2, 0.1).follows(reason) is (reason not in CUT_SHORT)
    assert not Posterior(0, 0.1).follows(reason)


class Parts:
    """A trainer, state, monitor and timer whose estimates are 1, 3, 5, ..."""

    def __init__(self, *, seconds=0.0, stop_after=None, collapse_at=()):
        self.known, self.noise, self.shown = [], [], []
        self.seconds, self._stop_after, self._collapse_at = seconds, stop_after, collapse_at
        self.average = SimpleNamespace(value=torch.zeros(1))
        self.problem = SimpleNamespace(operator=lambda estimate: 2 * estimate)

    def forward(self, known):
        self.known.append(float(known))
        return SimpleNamespace(loss=torch.zeros(1))

    def step(self, result):
        return torch.full((1,), 2.0 * len(self.known) - 1)

    def add_noise(self, scale):
        self.noise.append(scale)

    def is_due(self, iteration):
        return True

    def assess(self, iteration, loss):
        return None if iteration in self._collapse_at else "evaluation"

    def is_time_to_show(self):
        return True

    def snapshot(self, iteration, evaluation, reason):
        return iteration, reason

    def stop_requested(self):
        return self._stop_after is not None and len(self.known) > self._stop_after

    def waiting(self):
        return nullcontext()

    def sample(self, posterior, reason=StopReason.HELD_OUT_MINIMUM):
        steps = posterior.sample(self, self, self, self, iteration=9, reason=reason)
        return finish(steps, self.shown.append)


def test_sampling_ends_with_the_reason_of_the_fit_after_all_samples():
    parts, posterior = Parts(seconds=4.9), Posterior(3, 0.1, time_limit=5.0)
    assert parts.sample(posterior) == (12, StopReason.HELD_OUT_MINIMUM)
    assert posterior.complete
    assert (float(posterior.estimates.mean), float(posterior.predictions.mean)) == (3.0, 6.0)
    assert float(posterior.predictions.variance) == 4 * float(posterior.estimates.variance) == 16.0
    assert parts.shown == [(10, None), (11, None), (12, StopReason.HELD_OUT_MINIMUM)]
    assert parts.noise == [0.1] * 3


def test_each_sample_fills_the_pixels_that_the_next_view_does_not_show():
    parts = Parts()
    parts.sample(Posterior(3, 0.1))
    assert parts.known == [0.0, 1.0, 3.0]


def test_sampling_ends_early_at_the_time_limit_or_on_request():
    late, requested = Posterior(9, 0.1, time_limit=5.0), Posterior(9, 0.1)
    reason = StopReason.MAX_ITERATIONS
    assert Parts(seconds=5.0).sample(late, reason) == (10, StopReason.MAX_ITERATIONS)
    assert Parts(stop_after=1).sample(requested, reason) == (11, StopReason.STOP_REQUESTED)
    assert not late.complete
    assert not requested.complete


def test_sampling_continues_after_a_collapse():
    parts = Parts(collapse_at={10, 12})
    assert parts.sample(Posterior(3, 0.1)) == (13, StopReason.HELD_OUT_MINIMUM)
    assert parts.shown[0] == (11, None)
