from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from magicgui.widgets import CheckBox, ComboBox, LineEdit, SpinBox
from napari.components import ViewerModel
from qtpy.QtWidgets import QFormLayout, QLabel, QWidget

from napari_dip.core.tasks import TASKS
from napari_dip.core.tasks.parameters import TaskParameter, parameters_of
from napari_dip.errors import UsageError
from napari_dip.gui.form.form import Form
from napari_dip.gui.form.parameter_fields import (
    parameter_field,
    read_parameter,
    tooltip,
    write_parameter,
)
from napari_dip.gui.form.task_form import TITLES
from napari_dip.gui.form.ways import ways_of
from napari_dip.gui.job.choices import TaskChoice

PARAMETERS = [(task, name) for task in TASKS for name in parameters_of(TASKS[task])]
KINDS = {"image": ComboBox, "flag": CheckBox, "choice": ComboBox, "text": LineEdit}


@pytest.fixture
def viewer():
    return ViewerModel()


@pytest.fixture
def form(viewer, qtbot):
    form = Form(viewer)
    qtbot.addWidget(form)
    return form


def described(kind, **more):
    return TaskParameter(kind, "Width", "Width of the line.", **more)


def choose_way(form, task, name):
    """Choose the way of a task that uses a parameter, if the task has several."""
    for way, names in ways_of(TASKS[task]).items():
        if name in names:
            form._task._chosen[task].value = way


def choose_mask(form, task):
    """Choose a mask, without which its parameters are hidden."""
    if "mask" in parameters_of(TASKS[task]):
        mask = form._viewer.add_labels(np.zeros((4, 4), int))
        form.reset_choices()
        form._task._fields[task]["mask"].value = mask


@pytest.mark.parametrize(("task", "name"), PARAMETERS)
def test_every_parameter_has_a_field_with_its_label_tooltip_and_default(form, task, name):
    parameter = parameters_of(TASKS[task])[name]
    default = {one.name: one.default for one in fields(TASKS[task])}[name]
    # Choices with which the window shows the parameter.
    form.task = TaskChoice(task, {one: values[0] for one, values in parameter.only_for.items()})
    choose_way(form, task, name)
    choose_mask(form, task)
    form._task.show_acquisition(None, volume=parameter.volumes)
    (native,) = (one for one in form.findChildren(QWidget, name) if one.isVisibleTo(form))
    label = native.parentWidget().layout()
    assert isinstance(label, QFormLayout)
    words = native.text() if parameter.kind == "flag" else label.labelForField(native).text()
    assert words == parameter.label
    assert native.toolTip() == tooltip(parameter)
    assert native.toolTip().startswith(parameter.description.removesuffix("."))
    assert parameter.unit in native.toolTip()
    # An empty line is no value, so that the default of the task holds.
    expected = {} if default in (None, ()) or name == "mask" else {name: default}
    given = {key: value for key, value in form.task.values.items() if key == name != "mask"}
    assert given == expected


@pytest.mark.parametrize(("task", "name"), PARAMETERS)
def test_the_kind_of_a_parameter_decides_its_widget(viewer, task, name):
    parameter = parameters_of(TASKS[task])[name]
    default = {one.name: one.default for one in fields(TASKS[task])}[name]
    widget = parameter_field(name, parameter, default, viewer)
    number = SpinBox if parameter.kind == "integer" and default is not None else LineEdit
    assert isinstance(widget, KINDS.get(parameter.kind, number))
    if isinstance(widget, SpinBox):
        assert (widget.min, widget.max) == (parameter.minimum, parameter.maximum)


def test_every_task_with_parameters_has_only_their_fields(form):
    for task in TITLES:
        form.task = TaskChoice(task)
        assert set(form.task.values) <= set(parameters_of(TASKS[task]))


@pytest.mark.parametrize(
    ("parameter", "text", "value"),
    [
        (described("number", above=0), "1e-3", 1e-3),
        (described("number"), "-2.5", -2.5),
        (described("integer", minimum=0), "7", 7),
        (described("integers"), "1, 3 4", (1, 3, 4)),
        (described("text"), "name:layer", "name:layer"),
        (described("number"), "", None),
        (described("number"), "  ", None),
    ],
)
def test_reads_a_line_by_its_kind(viewer, parameter, text, value):
    widget = parameter_field("width", parameter, None, viewer)
    widget.value = text
    assert read_parameter(widget, parameter) == value


@pytest.mark.parametrize(
    ("parameter", "text", "words"),
    [
        (described("number"), "wide", "Got Width 'wide'; expected a number"),
        (described("number", above=0), "0", "expected a number above 0"),
        (described("number", minimum=1), "0.5", "expected a number of at least 1"),
        (
            described("number", minimum=1, maximum=2),
            "3",
            "expected a number of at least 1 and of at most 2",
        ),
        (described("integer", minimum=0), "1.5", "expected a whole number of at least 0"),
        (described("integers"), "1; 2", "expected whole numbers, such as 1, 3"),
    ],
)
def test_rejects_text_outside_the_limits(viewer, parameter, text, words):
    widget = parameter_field("width", parameter, None, viewer)
    widget.value = text
    with pytest.raises(UsageError, match=words):
        read_parameter(widget, parameter)


@pytest.mark.parametrize(
    ("parameter", "keys", "typed"),
    [
        (described("number", above=0), "-1.5m", "1.5"),
        (described("number", above=0), "1,5", "15"),
        (described("integer", minimum=0), "-2.5", "25"),
        (described("integers"), "1, a2", "1, 2"),
    ],
)
def test_keys_that_fit_no_value_are_not_typed(viewer, qtbot, parameter, keys, typed):
    widget = parameter_field("width", parameter, None, viewer)
    qtbot.addWidget(widget.native)
    qtbot.keyClicks(widget.native, keys)
    assert widget.value == typed


def test_an_empty_line_shows_the_unit(viewer):
    parameter = described("number", unit="pixel")
    widget = parameter_field("width", parameter, None, viewer)
    assert widget.native.findChild(QLabel, "field_unit").text() == "px"
    assert widget.native.placeholderText() == "not set"
    assert widget.tooltip == "Width of the line [pixel]."


def test_a_layer_of_labels_is_offered_only_where_it_is_allowed(viewer):
    image = viewer.add_image(np.zeros((4, 4)))
    labels = viewer.add_labels(np.zeros((4, 4), int))
    mask = parameter_field("mask", described("image", labelled=True), None, viewer)
    guide = parameter_field("guide", described("image"), None, viewer)
    assert mask.choices == (None, image, labels)
    assert guide.choices == (None, image)


@pytest.mark.parametrize("value", [None, (), (1, 2), 1.518])
def test_a_line_reads_the_value_that_was_written(viewer, value):
    parameter = described("integers" if isinstance(value, tuple) else "number")
    widget = parameter_field("width", parameter, None, viewer)
    write_parameter(widget, value)
    assert read_parameter(widget, parameter) == (value or None)
