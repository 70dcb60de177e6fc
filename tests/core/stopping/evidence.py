"""Evidence that tests of stopping rules show, and a rule that is fed with errors."""

from __future__ import annotations

import torch

from napari_dip.core.stopping.rules import Evidence


def evidence(iteration, error=1.0, seconds=0.0, pixels=None):
    return Evidence(iteration, seconds, error, torch.zeros(4) if pixels is None else pixels)


def feed(rule, errors):
    for iteration, error in enumerate(errors, start=1):
        reason = rule.update(evidence(iteration, error))
        if reason is not None:
            return iteration, reason
    return None


def valley(bottom, length):
    return [1 + ((k - bottom) / bottom) ** 2 for k in range(1, length + 1)]
