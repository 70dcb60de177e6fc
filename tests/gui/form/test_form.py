from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QFocusEvent, QWheelEvent
from qtpy.QtWidgets import QApplication, QCheckBox, QLabel, QPushButton, QWidget

from napari_dip.config import DipConfig
from napari_dip.errors import UsageError
from napari_dip.gui.form import config_fields as module
from napari_dip.gui.form.expert_form import expert_groups
from napari_dip.gui.form.form import CALIBRATION, ELSEWHERE, HIDDEN, LEARNED, MAIN, STACK, Form
from napari_dip.gui.job.choices import TaskChoice
from napari_dip.gui.job.layer_image import result_kwargs
from tests.tiny import tiny_config


@pytest.fixture
def viewer():
    return ViewerModel()


@pytest.fixture
def make_form(viewer, qtbot):
    def make_form():
        form = Form(viewer)
        qtbot.addWidget(form)
        return form

    return make_form


@pytest.fixture
def form(make_form):
    return make_form()


def field(form, name):
    return form.findChild(QWidget, name)


def test_every_setting_is_shown_or_listed_as_hidden():
    expert = [name for names in expert_groups(ELSEWHERE).values() for name in names]
    shown = [*MAIN, *LEARNED, *STACK, *CALIBRATION, *expert]
    assert sorted([*shown, *HIDDEN]) == sorted(DipConfig.model_fields)


def test_new_form_has_the_defaults(form):
    assert form.config == DipConfig()
    assert form.choices.region == "all"


@pytest.mark.parametrize(
    "config",
    [
        pytest.param(DipConfig(preset="paper", stop="none", channels="joint"), id="lists"),
        pytest.param(DipConfig(max_iterations=7, threads=1, runs=3, seed=2**31 - 1), id="whole"),
        pytest.param(
            DipConfig(time_limit=0.1, gain=1e-6, read_noise=0, sigma_noise=3e5), id="real"
        ),
        pytest.param(DipConfig(axes="TZCYX", device="cuda:3"), id="words"),
        pytest.param(DipConfig(voxel_size={"z": 3.0, "y": 0.1, "x": 1 / 16}), id="voxel size"),
        pytest.param(tiny_config(), id="fit settings"),
        pytest.param(DipConfig(preset="fast").complete(), id="complete"),
    ],
)
def test_reads_the_configuration_that_was_set(form, config):
    form.config = config
    assert form.config == config
    form.config = DipConfig()
    assert form.config == DipConfig()


def test_new_preset_drops_the_fit_settings(form):
    form.config = tiny_config()
    form._fields["preset"].value = "fast"
    assert form.config.fit is None
    assert form.config.preset == "fast"


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("gain", "-1", "'-1' for Gain.*greater than 0"),
        ("max_iterations", "many", "'many' for Max iterations.*integer"),
        ("time_limit", "0", "'0' for Time limit.*greater than 0"),
    ],
)
def test_rejects_values_outside_the_limits(form, name, text, words):
    form._fields[name].value = text
    with pytest.raises(UsageError, match=words):
        _ = form.choices


def test_every_field_has_its_description_as_tooltip(form):
    for name in (*MAIN, *form._expert.fields):
        assert field(form, name).toolTip() == DipConfig.model_fields[name].description
    for name in ("layer", "region", "shapes", "preview_visible_area", "new_rectangle"):
        assert field(form, name).toolTip()


def test_choices_come_from_the_configuration(form):
    preset = field(form, "preset")
    assert [preset.itemText(i) for i in range(preset.count())] == ["fast", "balanced", "paper"]


def test_a_boolean_field_is_a_check_box(form):
    box = field(form, "deterministic")
    assert isinstance(box, QCheckBox)
    box.click()
    assert form.choices.config == DipConfig(deterministic=True)


def test_limits_come_from_the_configuration(form):
    assert field(form, "runs").minimum() == 1
    assert field(form, "seed").minimum() == 0


@pytest.mark.parametrize(
    ("name", "words"),
    [("max_iterations", "preset"), ("gain", "measured"), ("tile", "auto"), ("tune", "off")],
)
def test_an_empty_field_shows_the_meaning_of_none(form, name, words):
    assert field(form, name).placeholderText() == words


@pytest.mark.parametrize(
    ("name", "unit"),
    [("gain", "ADU/photon"), ("tile", "px"), ("overlap", "px"), ("time_limit", "s")],
)
def test_unit_is_shown_inside_the_field(form, name, unit):
    assert form._fields[name].native.findChild(QLabel, "field_unit").text() == unit


@pytest.mark.parametrize("name", ["max_iterations", "threads", "runs"])
def test_field_without_a_unit_shows_none(form, name):
    assert form._fields[name].native.findChild(QLabel, "field_unit") is None


@pytest.mark.parametrize(
    ("name", "typed", "kept"),
    [
        pytest.param("threads", "99999", "9999", id="more digits than the limit has"),
        pytest.param("gain", "-2", "2", id="below zero"),
        pytest.param("tile", "many", "", id="no number"),
        pytest.param("time_limit", "1.5", "1.5", id="number"),
    ],
)
def test_limits_are_enforced_while_typing(form, qtbot, name, typed, kept):
    line = field(form, name)
    qtbot.keyClicks(line, typed)
    assert line.text() == kept


@pytest.mark.parametrize(("text", "nearest"), [("3", "16"), ("64", "64"), ("", "")])
def test_number_below_its_limit_becomes_the_limit_when_the_field_is_left(form, text, nearest):
    line = field(form, "tile")
    line.setText(text)
    QApplication.sendEvent(line, QFocusEvent(QEvent.Type.FocusOut))
    assert line.text() == nearest


def test_settings_for_experts_are_collapsed_and_in_at_most_five_groups(form):
    assert not form._expert.isExpanded()
    assert form._expert.content().maximumHeight() == 0
    assert 1 < len(expert_groups(ELSEWHERE)) <= 5


def test_field_that_nobody_placed_joins_a_group():
    without = set(ELSEWHERE) - {"preset"}
    groups = [names for names in expert_groups(without).values() if "preset" in names]
    assert len(groups) == 1


def test_title_counts_changed_settings_for_experts(form):
    assert form._expert.text() == "Expert"
    form._fields["seed"].value = 3
    form._fields["gain"].value = "2"
    assert form._expert.text() == "Expert (2 changed)"
    form.config = tiny_config()
    # Device, precision, warm start, and the fit settings.
    assert form._expert.text() == "Expert (4 changed)"
    form.reset()
    assert form._expert.text() == "Expert"


def test_layer_is_none_without_layers(form):
    assert form.layer is None
    assert field(form, "axes").placeholderText() == ""


def test_only_image_layers_can_be_chosen(viewer, make_form):
    viewer.add_labels(np.zeros((4, 5), int))
    assert make_form().layer is None


def test_suggests_the_active_layer(viewer, make_form):
    first = viewer.add_image(np.zeros((4, 5)))
    second = viewer.add_image(np.zeros((4, 5)))
    assert make_form().layer is second
    viewer.layers.selection.active = first
    assert make_form().layer is first


def test_does_not_suggest_a_hidden_layer(viewer, make_form):
    noisy = viewer.add_image(np.zeros((4, 5)))
    viewer.add_image(np.zeros((4, 5)), name="truth", visible=False)
    assert make_form().layer is noisy


def test_suggests_the_topmost_image_beside_points(viewer, make_form):
    viewer.add_image(np.zeros((4, 5)))
    newest = viewer.add_image(np.zeros((4, 5)))
    viewer.add_points(np.zeros((1, 2)))
    assert make_form().layer is newest


def test_image_follows_the_active_layer(viewer, form):
    old = viewer.add_image(np.zeros((4, 5)))
    new = viewer.add_image(np.zeros((4, 5)))  # napari selects what it opens
    new.name = "renamed"
    form.reset_choices()
    assert form.layer is new
    viewer.layers.selection.active = old
    assert form.layer is old
    viewer.add_points(np.zeros((1, 2)))
    assert form.layer is old


def test_pin_holds_the_image(viewer, form):
    old = viewer.add_image(np.zeros((4, 5)))
    field(form, "pin").click()
    new = viewer.add_image(np.zeros((4, 5)))
    form.suggest_layer()
    assert form.layer is old
    field(form, "pin").click()
    assert form.layer is new
    field(form, "pin").click()
    viewer.layers.remove(new)
    form.reset_choices()
    assert form.layer is old
    assert not field(form, "pin").isChecked()


def test_image_does_not_follow_to_a_result(viewer, form):
    source = viewer.add_image(np.zeros((4, 5)))
    result = viewer.add_image(np.zeros((4, 5)), **result_kwargs(source, "denoise"))
    assert viewer.layers.selection.active is result
    assert form.layer is source
    form.suggest_layer()
    assert form.layer is source


def test_request_names_task_and_image(viewer, form):
    assert form.request == ""
    viewer.add_image(np.zeros((4, 5)), name="cells")
    form.task = TaskChoice("inpaint")
    assert form.request == "Inpaint cells"


@pytest.mark.parametrize(
    ("task", "request_text"),
    [
        ("dejpeg", "Restore cells"),
        ("guided", "Restore cells"),
        ("fourier", "Reconstruct cells"),
    ],
)
def test_request_begins_with_a_verb(viewer, form, task, request_text):
    viewer.add_image(np.zeros((4, 5)), name="cells")
    form.task = TaskChoice(task)
    assert form.request == request_text


def test_list_of_layers_follows_the_viewer(viewer, form):
    first = viewer.add_image(np.zeros((4, 5)), name="first")
    form.reset_choices()
    assert form.layer is first
    second = viewer.add_image(np.zeros((4, 5)), name="second", visible=False)
    form.reset_choices()
    assert form.layer is first
    first.name = "renamed"
    form.reset_choices()
    assert field(form, "layer").currentText() == "renamed"
    viewer.layers.remove(first)
    form.reset_choices()
    assert form.layer is second
    viewer.layers.remove(second)
    form.reset_choices()
    assert form.layer is None


def test_axes_field_shows_the_axes_of_the_layer(viewer, form):
    viewer.add_image(np.zeros((3, 4, 5)), axis_labels=("t", "y", "x"))
    form.reset_choices()
    assert field(form, "axes").text() == "TYX"
    assert form.config.axes is None
    many = viewer.add_image(np.zeros((1, 1, 1, 1, 4, 5)))
    form.reset_choices()
    form.layer = many
    assert field(form, "axes").text() == ""
    assert "needed" in field(form, "axes").placeholderText()


def test_devices_are_found_when_their_list_opens(make_form, monkeypatch):
    monkeypatch.setattr(
        "napari_dip.core.hardware.device.available_devices", lambda: ("cuda:0", "cpu")
    )
    with monkeypatch.context() as patch:
        patch.setattr(module, "sys", SimpleNamespace(modules={}))  # torch is not imported
        form = make_form()
    box = field(form, "device")
    assert [box.itemText(i) for i in range(box.count())] == ["auto", "cpu"]
    assert form._expert.eventFilter(box, QEvent(QEvent.Type.KeyPress)) is False
    assert {box.itemText(i) for i in range(box.count())} == {"auto", "cuda:0", "cpu"}


def test_a_chosen_device_stays_chosen_when_devices_are_found(form):
    form.config = DipConfig(device="cuda:7")
    form._expert.eventFilter(field(form, "device"), QEvent(QEvent.Type.KeyPress))
    assert form.config.device == "cuda:7"


def wheel():
    return QWheelEvent(
        QPointF(5, 5),
        QPointF(5, 5),
        QPoint(0, 0),
        QPoint(0, -120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )


@pytest.mark.parametrize("name", ["preset", "runs"])
def test_scrolling_past_a_field_does_not_change_it(form, name):
    before = form._fields[name].value
    event = wheel()
    QApplication.sendEvent(field(form, name), event)
    assert form._fields[name].value == before
    assert not event.isAccepted()  # the scroll area handles it


def test_labels_come_from_the_names_of_the_fields():
    assert module.label("time_limit") == "Time limit"
    assert module.label("stop") == "Stopping rule"


def open_stack(viewer, form, **options):
    layer = viewer.add_image(np.zeros((3, 8, 9)), axis_labels=("z", "y", "x"), **options)
    form.reset_choices()
    return layer


def test_planes_or_volume_is_asked_for_stacks_only(viewer, form):
    dims = field(form, "dims")
    assert dims.isHidden()
    open_stack(viewer, form)
    assert not dims.isHidden()
    form.region.region = "current"
    assert dims.isHidden()
    form.region.region = "all"
    form.config = DipConfig(dims=3)
    assert form.choices.config.dims == 3
    viewer.add_image(np.zeros((8, 9)))
    assert dims.isHidden()
    assert form.choices.config.dims is None


def test_axes_decide_whether_there_are_planes(viewer, form):
    open_stack(viewer, form)
    form._calibration._axes.value = "TYX"
    assert field(form, "dims").isHidden()
    assert form.choices.config.axes == "TYX"


OPTICS = TaskChoice("deconvolve", {"na": 0.8, "wavelength": 0.5})
CALIBRATED = {"scale": (3, 0.1, 0.1), "units": ("um",) * 3}


def test_stack_deconvolved_by_optics_is_a_volume(viewer, form):
    open_stack(viewer, form, **CALIBRATED)
    assert field(form, "dims").currentText() == "2D (auto)"
    form.task = OPTICS
    assert field(form, "dims").currentText() == "3D (auto)"
    assert form.choices.config.dims == 3
    assert form.config.dims is None
    form._fields["dims"].value = 2
    assert form.choices.config.dims == 2
    form._fields["dims"].value = None
    assert form.choices_in("current").config.dims is None  # a single plane


def test_a_volume_psf_deconvolves_volumes(viewer, form):
    psf = viewer.add_image(np.ones((3, 3, 3)), visible=False)
    open_stack(viewer, form)
    form.task = TaskChoice("deconvolve", {"psf": psf})
    assert form.choices.config.dims == 3


def test_a_missing_voxel_size_is_named_where_it_matters(viewer, form):
    note = form._note
    open_stack(viewer, form)
    assert note.isHidden()
    form._fields["dims"].value = 3
    assert "along z, y, x is not known" in note.text
    assert [one.text() for one in note.findChildren(QPushButton)] == [
        "Set voxel size",
        "Restore planes",
    ]
    form.config = DipConfig()
    form.task = OPTICS
    assert "needs the voxel size along y, x" in note.text
    for axis in "yx":
        form._calibration._sizes[axis.upper()].value = "100"
    form._calibration._unit.value = "nanometer"
    assert "each plane is deconvolved on its own" in note.text
    form._calibration._sizes["Z"].value = "3000"
    assert note.isHidden()
    assert form.choices.config.voxel_size == pytest.approx({"z": 3.0, "y": 0.1, "x": 0.1})
    assert form.choices.config.dims == 3


def test_calibration_is_that_of_the_chosen_layer(viewer, form):
    layer = open_stack(viewer, form, **CALIBRATED)
    texts = [field(form, f"voxel_size_{axis}").text() for axis in "zyx"]
    assert texts == ["3", "0.1", "0.1"]
    assert form._calibration._section.text() == "Calibration: ZYX, 3 x 0.1 x 0.1 µm"
    assert form.config == DipConfig()
    form._calibration._sizes["Z"].value = "2"
    assert form.config.voxel_size == {"z": 2.0, "y": 0.1, "x": 0.1}
    viewer.add_image(np.zeros((8, 9)))
    assert form._calibration._z.isHidden()
    assert form.config.voxel_size is None
    form.layer = layer
    assert field(form, "voxel_size_z").text() == "3"


def test_rejects_a_voxel_size_that_is_no_length(viewer, form):
    open_stack(viewer, form)
    form._calibration._sizes["Z"].value = "0"
    with pytest.raises(UsageError, match=r"[Vv]oxel size"):
        _ = form.choices


def test_buttons_of_a_message_give_the_voxel_size_or_do_without_it(viewer, form, qtbot):
    form.show()
    open_stack(viewer, form)
    form._fields["dims"].value = 3
    size, planes = form._note.findChildren(QPushButton)
    size.click()
    assert form._calibration._section.isExpanded()
    assert field(form, "voxel_size_z").isVisible()
    planes.click()
    assert form.config.dims == 2
    assert form._note.isHidden()


def shown(form):
    """Return the fields of the configuration that the form shows, once its sections are open."""
    return {name for name in form._expert.fields if not form._fields[name].native.isHidden()} | {
        name for name in (*MAIN, *STACK) if not form._fields[name].native.isHidden()
    }


def test_only_settings_with_an_effect_on_the_image_are_shown(viewer, form):
    stack_only = {"dims", "neighbours", "warm_start"}
    viewer.add_image(np.zeros((8, 9)), name="grey")
    assert not shown(form) & {*stack_only, "channels", "overlap", "gain", "sigma_noise"}
    viewer.add_image(np.zeros((8, 9, 3), np.uint8), rgb=True)
    assert "channels" in shown(form)
    open_stack(viewer, form)
    assert shown(form) & stack_only == {"dims", "neighbours"}
    form._fields["start"].value = "random"
    assert shown(form) & stack_only == {"dims", "warm_start"}
    form._fields["noise"].value = "poisson"
    assert {"gain", "read_noise"} <= shown(form)


def test_hidden_settings_keep_their_values(viewer, form):
    viewer.add_image(np.zeros((8, 9)))
    form.config = DipConfig(channels="separate", gain=2.0)
    assert "gain" not in shown(form)
    assert form.config == DipConfig(channels="separate", gain=2.0)


def test_fields_stay_while_a_number_is_not_valid(viewer, form):
    viewer.add_image(np.zeros((8, 9)))
    before = shown(form)
    form._fields["gain"].value = "-1"
    assert shown(form) == before
