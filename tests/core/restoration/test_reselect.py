from __future__ import annotations

import numpy as np
import pytest

from napari_dip.core.image.image import as_image
from napari_dip.core.restoration.progress import finish
from napari_dip.core.restoration.reselect import choose
from napari_dip.core.restoration.restore import restore
from napari_dip.core.tasks import Denoise, Inpaint
from tests.tiny import noisy_waves, tiny_config

HOLE = np.zeros((24, 24), bool)
HOLE[8:12, 8:12] = True


@pytest.fixture(scope="module")
def image():
    return as_image(np.stack([noisy_waves((24, 24))] * 2))


def test_report_has_the_choice_of_the_user_and_the_stop_reason(image):
    result = finish(restore(image, config=tiny_config()))
    chosen = choose(result, image, Denoise(), block=1, iteration=2).report
    assert [block.selected_by for block in chosen.blocks] == ["rule", "user"]
    assert chosen.blocks[1].selected_iteration == 2
    assert chosen.blocks[1].stop_reason == result.report.blocks[1].stop_reason
    assert (chosen.selected_iteration, chosen.selected_by) == (
        result.report.selected_iteration,
        "rule",
    )
    # The other plane still has the old residual.
    assert chosen.diagnostics["residual_whiteness"] is None


@pytest.mark.parametrize(("task", "known"), [(Denoise(), True), (Inpaint(HOLE), False)])
def test_measures_whiteness_anew_only_where_the_residual_is_noise(image, task, known):
    plane = as_image(image.data[0])
    result = finish(restore(plane, task, tiny_config()))
    chosen = choose(result, plane, task, block=0, iteration=2).report
    assert chosen.selected_by == "user"
    assert (chosen.diagnostics["residual_whiteness"] is not None) == known
