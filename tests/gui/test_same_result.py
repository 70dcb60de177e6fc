"""The window and the command line give the same pixels, to the last bit."""

from __future__ import annotations

import numpy as np
import pytest

from napari_dip.cli.main import main
from napari_dip.io.images import read_image
from tests.tiny import tiny_config

pytest.importorskip("napari", reason="the window needs napari")


CONFIG = tiny_config(2, threads=1)


@pytest.fixture
def source(shared_data):
    return shared_data / "stacks/ctc_cho_tzcyx_imagej.tif"


@pytest.fixture
def written(source, tmp_path):
    """Return the result of the command line for the stack."""
    config, output = tmp_path / "config.json", tmp_path / "out.ome.tif"
    config.write_text(CONFIG.model_dump_json())
    assert main(["denoise", str(source), "--config", str(config), "-o", str(output)]) == 0
    return read_image(output)


def test_window_and_command_line_give_the_same_pixels_and_metadata(
    source, written, make_napari_viewer, qtbot
):
    image = read_image(source)
    viewer = make_napari_viewer()
    layer = viewer.add_image(
        image.data,
        axis_labels=tuple(image.axes.lower()),
        scale=[image.voxel_size[axis] for axis in image.axes],
        units=[image.units[axis] for axis in image.axes],
    )
    _, dock = viewer.window.add_plugin_dock_widget("napari-dip", "Deep Image Prior")
    dock.config = CONFIG
    with qtbot.waitSignal(dock.finished, timeout=120_000) as finished:
        dock.run()
    (result,) = finished.args[0]

    np.testing.assert_array_equal(result.data, written.data)
    assert (written.axes, written.voxel_size, written.units) == (
        image.axes,
        image.voxel_size,
        image.units,
    )
    np.testing.assert_array_equal(result.scale, layer.scale)
    assert (result.units, result.axis_labels) == (layer.units, layer.axis_labels)
    assert result.metadata["napari_dip"]["input"]["voxel_size"] == dict(image.voxel_size)
