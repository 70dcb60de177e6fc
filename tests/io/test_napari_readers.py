"""Formats that only an installed napari plugin reads."""

from __future__ import annotations

import numpy as np
import pytest

from napari_dip.errors import FileFormatError
from napari_dip.io import images as io
from napari_dip.io import napari_readers

npe2 = pytest.importorskip("npe2", reason="comes with napari, which is not installed")

VALUES = np.arange(3 * 8 * 6, dtype=np.uint16).reshape(3, 8, 6)


@pytest.fixture
def plugin(monkeypatch):
    """Return a function that makes a plugin which opens every .odd file as the given layers."""
    manager = npe2.PluginManager()
    monkeypatch.setattr(npe2.PluginManager, "instance", classmethod(lambda cls: manager))
    monkeypatch.setattr(manager, "discover", lambda: None)
    reader = npe2.DynamicPlugin("odd-files", plugin_manager=manager)
    reader.register()

    def register(*layers):
        @reader.contribute.reader(filename_patterns=["*.odd"])
        def get_reader(path):
            return lambda paths: list(layers)

    yield register
    reader.cleanup()


@pytest.mark.parametrize(
    ("layer", "axes", "voxel_size", "units"),
    [
        ((VALUES,), "ZYX", {}, {}),
        ((VALUES, {"channel_axis": 0, "scale": (0.5, 0.25)}), "CYX", {"Y": 0.5, "X": 0.25}, {}),
        (
            (
                VALUES,
                {"axis_labels": ("t", "y", "x"), "scale": (2, 1, 1), "units": ("s", "um", "um")},
            ),
            "TYX",
            {"T": 2.0, "Y": 1.0, "X": 1.0},
            {"T": "second", "Y": "micrometer", "X": "micrometer"},
        ),
        ((VALUES.transpose(1, 2, 0), {"rgb": True}, "image"), "YXS", {}, {}),
        (([VALUES, VALUES[:, ::2, ::2]], {"multiscale": True}, "image"), "ZYX", {}, {}),
    ],
    ids=["plain", "channels", "labels", "rgb", "pyramid"],
)
def test_reads_image_layer_of_a_plugin(plugin, tmp_path, layer, axes, voxel_size, units):
    plugin(layer, (np.zeros((2, 3)), {}, "points"))
    (tmp_path / "a.odd").touch()
    image = io.read_image(tmp_path / "a.odd")
    assert (image.axes, image.dtype) == (axes, np.uint16)
    assert image.data.size == VALUES.size
    assert (dict(image.voxel_size), dict(image.units)) == (voxel_size, units)


@pytest.mark.parametrize(
    ("turn", "position"),
    [({}, {"Y": 120.0, "X": -240.0}), ({"rotate": 30}, {})],
    ids=["straight", "turned"],
)
def test_reads_position_and_channel_names_of_a_layer(plugin, tmp_path, turn, position):
    names = ["DAPI", "GFP", "RFP"]
    placed = {"channel_axis": 0, "translate": (120, -240), "name": names, **turn}
    plugin((VALUES, placed))
    (tmp_path / "a.odd").touch()
    image = io.read_image(tmp_path / "a.odd")
    assert dict(image.position) == position
    assert image.channel_names == tuple(names)


def test_rejects_several_images_of_a_plugin(plugin, tmp_path):
    plugin((VALUES,), (VALUES,))
    (tmp_path / "a.odd").touch()
    with pytest.raises(FileFormatError, match="finds 2 images; expected one"):
        io.read_image(tmp_path / "a.odd")


def test_unsupported_format_error_suggests_a_reader_plugin(plugin, tmp_path):
    plugin((VALUES,))
    (tmp_path / "a.even").touch()
    with pytest.raises(FileFormatError, match="Install a reader plugin"):
        io.read_image(tmp_path / "a.even")


def test_without_napari_an_unknown_format_is_refused(tmp_path, monkeypatch):
    (tmp_path / "a.odd").touch()
    monkeypatch.setattr(napari_readers, "installed", lambda library: False)
    with pytest.raises(FileFormatError, match="Install napari and a reader plugin"):
        io.read_image(tmp_path / "a.odd")
