"""File > Save: files keep axes, scale, units and report."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tifffile
from napari.layers import Image as ImageLayer
from napari.layers import Labels
from npe2 import PluginManager

from napari_dip.api import finish
from napari_dip.core.image.image import Image
from napari_dip.core.restoration.restore import restore
from napari_dip.errors import NapariDipError
from napari_dip.gui.napari_writer import SAVED_AS
from napari_dip.io import images as io
from tests.tiny import noisy_waves, tiny_config

SCALE = {"scale": (2.0, 0.5, 0.25), "units": ("um",) * 3, "axis_labels": ("z", "y", "x")}


@pytest.fixture(autouse=True)
def _plugins(make_napari_viewer):
    """napari must find the plugins before their writers."""
    make_napari_viewer()


def test_the_manifest_offers_the_same_formats():
    for kind in ("image", "labels"):
        for suffix in SAVED_AS:
            writer, _ = PluginManager.instance().get_writer(f"saved{suffix}", [kind])
            assert writer.command == f"napari-dip.save_{kind}"


@pytest.mark.parametrize("suffix", SAVED_AS)
@pytest.mark.parametrize("kind", [ImageLayer, Labels])
def test_a_saved_layer_keeps_axes_scale_and_units(tmp_path, kind, suffix):
    values = np.arange(3 * 4 * 5, dtype=np.uint16).reshape(3, 4, 5)
    (path,) = kind(values, **SCALE).save(str(tmp_path / f"saved{suffix}"))
    saved = io.read_image(path)
    np.testing.assert_array_equal(saved.data, values)
    assert saved.axes == "ZYX"
    assert saved.voxel_size == {"Z": 2.0, "Y": 0.5, "X": 0.25}


@pytest.mark.parametrize("dtype", ["int64", "uint64", "float16", "bool"])
def test_unsupported_dtypes_are_converted_without_loss(tmp_path, dtype):
    values = np.arange(20).reshape(4, 5).astype(dtype)
    kind = ImageLayer if dtype == "float16" else Labels
    (path,) = kind(values).save(str(tmp_path / "saved.ome.tif"))
    np.testing.assert_array_equal(io.read_image(path).data, values)


def test_saved_result_has_its_report(tmp_path):
    report = finish(restore(Image(noisy_waves((16, 16)), "YX"), config=tiny_config(2))).report
    layer = ImageLayer(np.zeros((16, 16), np.float32), metadata={"napari_dip": report.as_json()})
    (path,) = layer.save(str(tmp_path / "saved.ome.tif"))
    with tifffile.TiffFile(path) as file:
        assert json.dumps(report.config.seed) in file.ome_metadata
        assert "stop_reason" in file.ome_metadata


def test_colours_and_the_finest_level_are_saved(tmp_path):
    colours = np.random.default_rng(0).integers(0, 255, (8, 9, 3), np.uint8)
    (path,) = ImageLayer(colours, rgb=True).save(str(tmp_path / "colours.ome.tif"))
    assert io.read_image(path).axes == "YXS"
    fine = np.arange(64.0).reshape(8, 8)
    (path,) = ImageLayer([fine, fine[::2, ::2]], multiscale=True).save(
        str(tmp_path / "fine.ome.tif")
    )
    np.testing.assert_array_equal(io.read_image(path).data, fine)


def test_file_that_cannot_be_replaced_is_unchanged(tmp_path):
    path = tmp_path / "saved.nii"
    path.write_bytes(b"something else")
    with pytest.raises(NapariDipError, match=r"Choose"):
        ImageLayer(np.zeros((4, 4, 3), np.uint8), rgb=True).save(str(path))
    assert path.read_bytes() == b"something else"


def test_other_suffixes_are_left_to_other_writers(tmp_path):
    writer, _ = PluginManager.instance().get_writer(tmp_path / "saved.tif", ["image"])
    assert writer.plugin_name == "napari"
