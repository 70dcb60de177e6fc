from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtWidgets import QApplication

from napari_dip.errors import Hint, InputError
from napari_dip.gui.form.fixes import advice_of, commands_in, fixes_of
from napari_dip.gui.form.form import Form
from napari_dip.optional import LIBRARIES, install_command


@pytest.fixture
def form(qtbot):
    viewer = ViewerModel()
    viewer.add_image(np.zeros((8, 9)))
    form = Form(viewer)
    qtbot.addWidget(form)
    form.show()
    return form


def test_setting_with_a_value_becomes_a_button_that_sets_it(form):
    (fix,) = fixes_of([Hint("tile", "256")], form)
    assert fix.text == "Set Tile: 256"
    fix.action()
    assert form.config.tile == 256


def test_button_works_beside_a_number_that_is_not_valid(form):
    form._fields["gain"].value = "-1"
    for hint in (Hint("device", "cpu"), Hint("tile", "256")):
        (fix,) = fixes_of([hint], form)
        fix.action()
    form._fields["gain"].value = ""
    assert (form.config.device, form.config.tile) == ("cpu", 256)


@pytest.mark.parametrize(
    "hint",
    [
        pytest.param(Hint("seed"), id="no value"),
        pytest.param(Hint("resume", "yes"), id="no field"),
        pytest.param(Hint("dims", "3"), id="hidden field"),
    ],
)
def test_setting_that_cannot_be_set_here_has_no_button(form, hint):
    assert fixes_of([hint], form) == []


@pytest.mark.parametrize(
    ("setting", "words", "field"),
    [("voxel_size", "Set voxel size", "voxel_size_y"), ("axes", "Set axes", "axes")],
)
def test_calibration_opens_at_the_field_that_is_asked_for(form, qtbot, setting, words, field):
    (fix,) = fixes_of([Hint(setting, "y=0.1")], form)
    assert fix.text == words
    fix.action()
    assert form._calibration._section.isExpanded()
    assert form.focusWidget().objectName() == field


@pytest.mark.parametrize("library", LIBRARIES)
def test_install_command_of_every_library_is_copied(form, library):
    command = install_command(library)
    advice = advice_of(InputError("x"), f"Got a.zarr; expected more. Install it: {command}.", form)
    (fix,) = advice.fixes
    assert fix.text == "Copy install command"
    fix.action()
    assert QApplication.clipboard().text() == command


def test_message_without_a_command_has_no_button_to_copy_one():
    assert commands_in("Install the driver of the graphics card.") == []
