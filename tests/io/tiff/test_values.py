"""No-data values, orientation and calibration of TIFF files."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tifffile
from PIL import Image as Picture

from napari_dip.cli import main as cli
from napari_dip.io import images as io
from tests.tiny import noisy_waves, tiny_config

PIXELS = np.clip(noisy_waves((24, 20)), 0, 255).astype(np.uint8)


def tagged(path, values, code, kind, text, **options):
    """Write a plain TIFF with one additional tag."""
    count = len(text) + 1 if kind == 2 else 1
    tifffile.imwrite(
        path, values, metadata=None, extratags=[(code, kind, count, text, True)], **options
    )
    return path


def terrain(value, dtype="float32"):
    """Return values with a no-data value in a corner, and a mask of the corner."""
    height = noisy_waves((24, 20)).astype(dtype)
    corner = np.add.outer(range(24), range(20)) < 8
    height[corner] = value
    return height, corner


@pytest.mark.parametrize(
    ("text", "value", "dtype"),
    [
        ("-9999", -9999.0, "float32"),
        ("-9999 ", -9999.0, "float64"),
        ("-3.4028234663852886e+38", np.finfo(np.float32).min, "float32"),
        ("-3.4e38", np.finfo(np.float32).min, "float32"),
        ("3.40282e+38", np.finfo(np.float32).max, "float32"),
        ("0.1", np.float32(0.1), "float32"),
        ("-9999,0", -9999.0, "float32"),
        ("0", 0, "uint8"),
        ("65535", 65535, "uint16"),
        ("-32768", -32768, "int16"),
        ("4294967295", 4294967295, "uint32"),
        ("nan", np.nan, "float32"),
        ("-inf", -np.inf, "float32"),
    ],
)  # fmt: skip
def test_no_data_pixels_are_missing(tmp_path, text, value, dtype):
    height, corner = terrain(value, dtype)
    image = io.read_image(tagged(tmp_path / "a.tif", height, 42113, 2, text))
    np.testing.assert_array_equal(~np.isfinite(image.data), corner)
    np.testing.assert_array_equal(image.data[~corner], height[~corner])
    if np.isfinite(value):
        assert [f"{corner.sum()} pixels" in warning for warning in image.warnings] == [True]


@pytest.mark.parametrize(
    ("text", "dtype"), [("-9999", "uint8"), ("0.5", "uint8"), ("none", "uint8"), ("7e9", "float32")]
)
def test_unused_no_data_value_changes_nothing(tmp_path, text, dtype):
    values = PIXELS.astype(dtype)
    image = io.read_image(tagged(tmp_path / "a.tif", values, 42113, 2, text))
    assert (image.dtype, image.warnings) == (np.dtype(dtype), ())
    np.testing.assert_array_equal(image.data, values)


def test_colour_pixel_is_missing_if_all_samples_are_no_data(tmp_path):
    colours = np.stack([PIXELS, PIXELS, PIXELS], -1)
    colours[3, 4] = 0
    colours[5, 6, 0] = 0
    image = io.read_image(tagged(tmp_path / "a.tif", colours, 42113, 2, "0", photometric="rgb"))
    assert np.argwhere(np.isnan(image.data)).tolist() == [[3, 4, 0], [3, 4, 1], [3, 4, 2]]
    assert "1 pixels" in image.warnings[0]


def test_no_data_pixels_are_filled_and_reported(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    height, corner = terrain(-9999.0)
    tagged(tmp_path / "a.tif", height, 42113, 2, "-9999")
    (tmp_path / "tiny.json").write_text(tiny_config(threads=1).model_dump_json())
    assert cli.main(["denoise", "a.tif", "-o", "b.ome.tif", "--config", "tiny.json"]) == 0
    assert "GDAL_NODATA" in capsys.readouterr().err
    report = json.loads((tmp_path / "b.ome.tif.json").read_text())
    assert report["input"]["invalid_pixels"] == corner.sum()
    restored = io.read_image(tmp_path / "b.ome.tif").data
    assert restored.min() > -1000


TURNS = {
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: stored[::-1, ::-1],
    4: lambda stored: stored[::-1],
    5: lambda stored: stored.swapaxes(0, 1),
    6: lambda stored: np.rot90(stored, -1),
    7: lambda stored: stored[::-1, ::-1].swapaxes(0, 1),
    8: lambda stored: np.rot90(stored),
}


@pytest.mark.parametrize("code", TURNS)
@pytest.mark.parametrize("photometric", ["minisblack", "rgb"])
def test_turns_every_orientation_upright(tmp_path, code, photometric):
    values = PIXELS if photometric == "minisblack" else np.stack([PIXELS, PIXELS // 2, PIXELS], -1)
    path = tagged(
        tmp_path / "a.tif", values, 274, 3, code,
        photometric=photometric, resolution=(5000, 2500), resolutionunit="CENTIMETER",
    )  # fmt: skip
    image = io.read_image(path)
    np.testing.assert_array_equal(image.data, TURNS[code](values))
    sizes = {"X": 2.0, "Y": 4.0} if code < 5 else {"X": 4.0, "Y": 2.0}
    assert dict(image.voxel_size) == pytest.approx(sizes)
    assert f"orientation tag of the file is {code}" in image.warnings[0]


@pytest.mark.parametrize("code", [3, 5, 6, 7, 8])
def test_orientation_agrees_with_pillow(tmp_path, code):
    # Compressed, because Pillow swaps rows and columns of uncompressed turned files.
    path = tagged(tmp_path / "a.tif", PIXELS, 274, 3, code, compression="zlib")
    with Picture.open(path) as picture:
        expected = np.asarray(picture)
    np.testing.assert_array_equal(io.read_image(path).data, expected)


def test_upright_result_has_no_orientation_tag(tmp_path):
    image = io.read_image(tagged(tmp_path / "a.tif", PIXELS, 274, 3, 6))
    for name in ("b.ome.tif", "b.tif"):
        io.write_image(tmp_path / name, image)
        with tifffile.TiffFile(tmp_path / name) as file:
            assert file.pages.first.tags.get(274) is None
        np.testing.assert_array_equal(io.read_image(tmp_path / name).data, np.rot90(PIXELS, -1))


@pytest.mark.parametrize("code", [0, 1, 9])
def test_ignores_undefined_orientation_tag(tmp_path, code):
    image = io.read_image(tagged(tmp_path / "a.tif", PIXELS, 274, 3, code))
    np.testing.assert_array_equal(image.data, PIXELS)
    assert image.warnings == ()


def imagej(path, values, **entries):
    tifffile.imwrite(path, values, imagej=True, metadata={"axes": "YX", **entries})
    return io.read_image(path)


def test_applies_linear_calibration_of_imagej(tmp_path):
    entries = {"cf": 0, "c0": -1000.0, "c1": 0.5, "vunit": "HU"}
    image = imagej(tmp_path / "a.tif", PIXELS, **entries)
    np.testing.assert_allclose(image.data, PIXELS * 0.5 - 1000)
    assert image.dtype == np.float32
    assert "-1000 + 0.5 x stored value [HU]" in image.warnings[0]


def test_reads_signed_integers_as_imagej_stores_them(tmp_path):
    stored = PIXELS.astype(np.uint16) + 32700
    image = imagej(tmp_path / "a.tif", stored, cf=0, c0=-32768.0, c1=1.0)
    assert (image.dtype, image.warnings) == (np.dtype("int16"), ())
    np.testing.assert_array_equal(image.data, stored.astype(int) - 32768)


@pytest.mark.parametrize("entries", [{"cf": 3, "c0": 1.0, "c1": 2.0}, {"cf": 0, "c0": "one"}])
def test_keeps_stored_values_with_a_warning_if_calibration_is_not_linear(tmp_path, entries):
    image = imagej(tmp_path / "a.tif", PIXELS, **entries)
    np.testing.assert_array_equal(image.data, PIXELS)
    assert "the result has the stored values" in image.warnings[0]


@pytest.mark.parametrize("entries", [{}, {"cf": 0, "c0": 0.0, "c1": 1.0}])
def test_keeps_values_without_calibration(tmp_path, entries):
    image = imagej(tmp_path / "a.tif", PIXELS, **entries)
    assert (image.dtype, image.warnings) == (np.dtype("uint8"), ())
