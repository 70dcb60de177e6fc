from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.image import imread

from napari_dip.render.figure import Curve, save_figure
from tests.tiny import noisy_waves, waves


@pytest.mark.parametrize("known", [True, False], ids=["with a reference", "without"])
def test_figure_shows_observation_result_residual_and_curve(tmp_path, known):
    curve = Curve()
    numbers = {"psnr": 30.0, "heldout_error": 1.2}
    if not known:
        numbers = dict.fromkeys(numbers)
    for iteration in (1, 2, 3):
        curve.add(
            SimpleNamespace(
                iteration=iteration, loss=2 / iteration, selected_iteration=iteration, **numbers
            )
        )
    assert curve.selected_iteration == 3
    save_figure(tmp_path / "figure.png", noisy_waves(), waves(), curve)
    pixels = imread(tmp_path / "figure.png")
    assert pixels.shape[:2] == (400, 1600)
    # Four panels, none of them blank.
    assert all(np.ptp(part[..., :3]) > 0.5 for part in np.array_split(pixels, 4, axis=1))


def test_draws_perfect_result_and_empty_curve(tmp_path):
    save_figure(tmp_path / "figure.png", waves(), waves(), Curve())
    assert (tmp_path / "figure.png").exists()
