"""Slider for the strength: its values, and where it is shown."""

from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QSlider

from napari_dip.config import DipConfig
from napari_dip.gui.form.form import Form
from napari_dip.gui.form.strength_slider import StrengthSlider
from napari_dip.gui.job.choices import TaskChoice


@pytest.fixture
def slider(qtbot):
    slider = StrengthSlider(DipConfig.model_fields["strength"])
    qtbot.addWidget(slider)
    slider.show()
    return slider


def handle(slider) -> QSlider:
    return slider.findChild(QSlider)


@pytest.mark.parametrize(("place", "value"), [(-20, 4.0), (-10, 2.0), (0, 1.0), (20, 0.25)])
def test_is_logarithmic_from_smoother_to_more_detail(slider, place, value):
    handle(slider).setValue(place)
    assert slider.value == value
    assert slider.findChild(QLabel, "strength_text").text() == f"Strength {value:g}"


def test_keeps_a_value_between_two_steps(slider, qtbot):
    moved = []
    slider.moved.connect(lambda: moved.append(True))
    slider.value = 1.37
    assert slider.value == 1.37
    assert moved == []  # the user has not


@pytest.mark.parametrize("value", [0.25, 0.31, 1.0, 2.83, 4.0])
def test_value_is_valid_in_the_configuration(slider, value):
    slider.value = value
    assert DipConfig(strength=slider.value).strength == value


def test_double_click_sets_the_default(slider, qtbot):
    slider.value = 2.0
    with qtbot.waitSignal(slider.settled):
        qtbot.mouseDClick(handle(slider), Qt.MouseButton.LeftButton)
    assert slider.is_default


@pytest.fixture
def form(qtbot):
    viewer = ViewerModel()
    viewer.add_image(np.zeros((32, 32), np.float32), name="grey")
    form = Form(viewer)
    qtbot.addWidget(form)
    return form


def test_is_shown_only_where_a_learned_start_applies(form):
    assert not form.strength.isHidden()
    form.config = DipConfig(preset="paper")
    assert form.strength.isHidden()
    form.config = DipConfig(start="random")
    assert form.strength.isHidden()
    form.config = DipConfig()
    form.task = TaskChoice("super-resolve", {"factor": 2})
    assert form.strength.isHidden()


def test_is_the_setting_of_the_form(form):
    form.config = DipConfig(strength=0.5)
    assert (form.strength.value, form.config.strength) == (0.5, 0.5)
    form.strength.value = 2.0
    assert form.config.strength == 2.0
    form.reset()
    assert form.strength.is_default
