from __future__ import annotations

import pytest

from napari_dip.errors import Hint
from napari_dip.gui.widgets.labels import hint_text, label


@pytest.mark.parametrize(
    ("name", "words"),
    [("time_limit", "Time limit"), ("stop", "Stopping rule"), ("dims", "Dimensions")],
)
def test_label_of_a_setting(name, words):
    assert label(name) == words


@pytest.mark.parametrize(
    ("hint", "words"),
    [
        (Hint("tile", "256"), "Tile: 256"),
        (Hint("seed"), "Seed"),
        (Hint("resume"), "Existing results: resume"),
        (Hint("psf_voxel_size"), "scale of the PSF layer"),
        (Hint("voxel_size", "y=0.1,x=0.1"), "Calibration: voxel size"),
    ],
)
def test_hint_names_the_setting_as_in_the_window(hint, words):
    assert hint_text(hint) == words
