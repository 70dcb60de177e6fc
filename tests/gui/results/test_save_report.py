"""Report of a finished run as a web page."""

from __future__ import annotations

import html
import re

import numpy as np
import pytest
import tifffile
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog, QLabel, QPushButton, QSlider

from napari_dip.core.image.image import Image
from napari_dip.gui.job.choices import TaskChoice
from napari_dip.io.images import read_image, write_image
from tests.tiny import noisy_waves, tiny_config


def run(dock, qtbot, **choices):
    dock.config = tiny_config(4, threads=1, **choices)
    with qtbot.waitSignal(dock.finished, timeout=60_000) as finished:
        dock.run()
    return finished.args[0][0]


def save(dock, qtbot, monkeypatch, file):
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(file), ""))
    dock._results._inspector.expand()
    qtbot.mouseClick(dock.findChild(QPushButton, "report"), Qt.MouseButton.LeftButton)
    return file.read_text(encoding="utf-8")


def test_script_of_the_report_gives_the_same_result(viewer, dock, qtbot, monkeypatch, tmp_path):
    file = tmp_path / "noisy.tif"
    write_image(file, Image(noisy_waves((24, 20)).astype(np.float32), "YX"))
    viewer.open(file, plugin="napari")
    dock.reset_choices()
    result = run(dock, qtbot)
    text = save(dock, qtbot, monkeypatch, tmp_path / "report.html")
    command, script = (html.unescape(one) for one in re.findall("<pre>(.*?)</pre>", text, re.S)[:2])
    assert command.startswith("napari-dip denoise")
    scope: dict[str, object] = {}
    exec(script, scope)
    np.testing.assert_array_equal(scope["restored"], result.data)
    assert "Saved as report.html." in dock._plot._text.text()


def test_report_describes_the_iteration_on_the_screen(viewer, dock, qtbot, monkeypatch, tmp_path):
    viewer.add_image(noisy_waves((16, 16)), name="a layer")
    run(dock, qtbot)
    slider = dock.findChild(QSlider, "iterate")
    slider.setValue(slider.minimum())
    text = save(dock, qtbot, monkeypatch, tmp_path / "report.html")
    assert "your choice" in text
    assert "chosen by hand" in text
    assert "denoise: a layer" in text
    assert "# Got a layer as image that has no file" in text


@pytest.mark.parametrize(
    ("values", "task"),
    [
        pytest.param(np.stack([noisy_waves((16, 16))] * 3), TaskChoice(), id="stack"),
        pytest.param(
            np.dstack([noisy_waves((16, 16)).clip(0, 255).astype(np.uint8)] * 3),
            TaskChoice(),
            id="RGB",
        ),
        pytest.param(
            noisy_waves((16, 16)), TaskChoice("super-resolve", {"factor": 2}), id="enlarged"
        ),
    ],
)
def test_saves_a_report_of_any_image(viewer, dock, qtbot, monkeypatch, tmp_path, values, task):
    viewer.add_image(values, rgb=values.shape[-1] == 3)
    dock.task = task
    run(dock, qtbot)
    text = save(dock, qtbot, monkeypatch, tmp_path / "report.html")
    assert len(re.findall("data:image/png", text)) == 1


def test_reports_an_unwritable_file(viewer, dock, qtbot, monkeypatch, tmp_path):
    viewer.add_image(noisy_waves((16, 16)))
    run(dock, qtbot)
    missing = tmp_path / "missing" / "report.html"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(missing), ""))
    errors = []
    monkeypatch.setattr(
        "napari_dip.gui.results.results_panel.notify", lambda error: errors.append(error)
    )
    qtbot.mouseClick(dock.findChild(QPushButton, "report"), Qt.MouseButton.LeftButton)
    assert len(errors) == 1


def test_the_result_is_saved_with_its_scale_and_the_report(
    viewer, dock, qtbot, monkeypatch, tmp_path
):
    viewer.add_image(noisy_waves((16, 16)), scale=(0.5, 0.25), units=("um", "um"))
    run(dock, qtbot)
    file = tmp_path / "kept.ome.tif"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(file), ""))
    dock._results._inspector.expand()
    qtbot.mouseClick(dock.findChild(QPushButton, "save"), Qt.MouseButton.LeftButton)
    lines = dock.findChild(QLabel, "status").text().split("\n")
    assert "Done" in lines[0]
    assert lines[-1] == "Saved as kept.ome.tif."
    saved = read_image(file)
    assert saved.voxel_size == {"Y": 0.5, "X": 0.25}
    np.testing.assert_array_equal(saved.data, viewer.layers[-1].data)
    with tifffile.TiffFile(file) as tiff:
        assert '"stop_reason"' in html.unescape(tiff.ome_metadata)
