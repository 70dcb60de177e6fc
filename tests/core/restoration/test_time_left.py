"""Time left: the pace of iterations, and that of passes over whole planes."""

from __future__ import annotations

import numpy as np
import pytest

from napari_dip.config import LEARNED, PRESETS
from napari_dip.core.fitting.result import Snapshot
from napari_dip.core.hardware.fit_cost import fit_work, work_done
from napari_dip.core.restoration.time_left import TimeLeft
from napari_dip.core.stopping.rules import StopReason

SHAPE = (1, 256, 256)


def snapshot(iteration, passes=0.0, reason=None):
    return Snapshot(iteration, 1.0, None, iteration, np.empty(0, np.float32), reason, passes)


def test_iterations_count_from_the_first_snapshot_on():
    left = TimeLeft(PRESETS["balanced"], SHAPE, begin=10.0, before=0)
    assert left(snapshot(1), 70.0, iterations=99, fits=0) is None
    assert left(snapshot(11), 75.0, iterations=40, fits=0) == pytest.approx(20.0)
    assert left(snapshot(51), 95.0, iterations=0, fits=0) == 0


@pytest.mark.parametrize("before", [0, 100])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("iteration", "passes"), [(0, 1.5), (0, 3.0), (16, 9.0)])
def test_all_work_of_a_learned_start_is_proportional_to_time(iteration, passes, channels, before):
    settings, pixels = LEARNED["balanced"], 256**2
    left = TimeLeft(settings, (channels, 256, 256), begin=10.0, before=before)
    done = work_done(settings, pixels, iterations=iteration, passes=passes)
    whole = fit_work(settings, pixels, channels)
    pace = 1e-9
    found = left(snapshot(before + iteration, passes), 10 + pace * done, iterations=1, fits=2)
    assert found == pytest.approx(pace * (3 * whole - done))


def test_similar_patches_are_left_at_the_end():
    settings = LEARNED["fast"]
    left = TimeLeft(settings, SHAPE, begin=0.0, before=0)
    assert left(snapshot(0), 1.0, iterations=6, fits=0) is None
    last = left(snapshot(4, 8.0, StopReason.GOOD_START), 10.0, iterations=0, fits=0)
    plain = settings.model_copy(update={"collaborative_filter": False})
    of_plain = TimeLeft(plain, SHAPE, begin=0.0, before=0)
    assert of_plain(snapshot(4, 8.0, StopReason.GOOD_START), 10.0, iterations=0, fits=0) == 0
    assert 0 < last < 10
