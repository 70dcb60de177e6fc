"""Scale, padding, brightness and colours of DICOM values."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest

from napari_dip.api import finish
from napari_dip.core.restoration.restore import restore
from napari_dip.errors import InputError
from napari_dip.io import images as io
from tests.io.dicom.files import RGB, STORED, colours, save, signed
from tests.tiny import tiny_config


def test_applies_the_scale_of_each_plane(tmp_path):
    save(tmp_path / "0.dcm", 0.0, RescaleSlope=2, RescaleIntercept=-1024)
    save(tmp_path / "1.dcm", 1.0, RescaleSlope=0.5, RescaleIntercept=0)
    image = io.read_image(tmp_path)
    assert image.dtype == np.float32
    np.testing.assert_allclose(image.data, [STORED * 2.0 - 1024, STORED * 0.5])


@pytest.mark.parametrize(
    ("pixels", "tags", "missing"),
    [
        (STORED, {"PixelPaddingValue": int(STORED[0, 0])}, STORED == STORED[0, 0]),
        (STORED, {"PixelPaddingValue": 0, "PixelPaddingRangeLimit": 500}, STORED <= 500),
        (STORED, {"PixelPaddingValue": 500, "PixelPaddingRangeLimit": 0}, STORED <= 500),
        (STORED, {"PixelPaddingValue": 4000}, np.zeros(STORED.shape, bool)),
    ],
    ids=["value", "range", "range from above", "not there"],
)
@pytest.mark.parametrize("slope", [None, 2])
def test_padding_is_missing(tmp_path, pixels, tags, missing, slope):
    scale = {} if slope is None else {"RescaleSlope": slope, "RescaleIntercept": -1024}
    image = io.read_image(save(tmp_path / "a.dcm", pixels=pixels, **tags, **scale))
    np.testing.assert_array_equal(np.isnan(image.data.astype(float)), missing)
    calibrated = pixels if slope is None else pixels * 2.0 - 1024
    np.testing.assert_array_equal(image.data[~missing], calibrated[~missing])
    assert bool(image.warnings) == missing.any()


@pytest.mark.parametrize("value", [-2000, 63536], ids=["signed", "as a pattern of bits"])
def test_padding_of_signed_values_is_missing(tmp_path, value):
    pixels = STORED.astype(np.int16) - 1000
    pixels[2, 3] = -2000
    path = tmp_path / "a.dcm"
    kind = "SS" if value < 0 else "US"
    save(path, **signed(pixels))
    data = pydicom.dcmread(path)
    data.add_new("PixelPaddingValue", kind, value)
    data.save_as(path)
    image = io.read_image(path)
    assert np.argwhere(np.isnan(image.data)).tolist() == [[2, 3]]
    assert image.data[0, 0] == pixels[0, 0]


def test_report_counts_padding(tmp_path):
    image = io.read_image(save(tmp_path / "a.dcm", PixelPaddingValue=int(STORED[0, 0])))
    report = finish(restore(image, config=tiny_config(2))).report
    assert report.input.invalid_pixels == (STORED == STORED[0, 0]).sum()
    assert "padding value" in report.warnings[0]


@pytest.mark.parametrize("bits", [12, 16])
@pytest.mark.parametrize("is_signed", [False, True])
def test_inverts_monochrome1(tmp_path, bits, is_signed):
    pixels = STORED.astype(np.int16) - 1000 if is_signed else STORED
    tags = {"BitsStored": bits, "HighBit": bits - 1, **(signed(pixels) if is_signed else {})}
    tags["PhotometricInterpretation"] = "MONOCHROME1"
    image = io.read_image(save(tmp_path / "a.dcm", **tags))
    total = -1 if is_signed else 2**bits - 1
    np.testing.assert_array_equal(image.data, total - pixels.astype(int))
    assert "they are inverted" in image.warnings[0]


def test_keeps_calibrated_values_of_monochrome1(tmp_path):
    tags = {"PhotometricInterpretation": "MONOCHROME1", "RescaleSlope": 2, "RescaleIntercept": 1}
    image = io.read_image(save(tmp_path / "a.dcm", **tags))
    np.testing.assert_array_equal(image.data, STORED * 2.0 + 1)
    assert "they are kept" in image.warnings[0]


def test_ignores_bits_above_the_value(tmp_path):
    overlaid = STORED | np.uint16(0x1000)
    image = io.read_image(save(tmp_path / "a.dcm", pixels=overlaid, BitsStored=12, HighBit=11))
    np.testing.assert_array_equal(image.data, STORED)


def test_rejects_values_in_the_upper_bits(tmp_path):
    with pytest.raises(InputError, match="lowest bit"):
        io.read_image(save(tmp_path / "a.dcm", pixels=STORED << 4, BitsStored=12, HighBit=15))


def test_rejects_slope_of_zero(tmp_path):
    with pytest.raises(InputError, match="slope of 0"):
        io.read_image(save(tmp_path / "a.dcm", RescaleSlope=0, RescaleIntercept=0))


# BT.601 with full range, as in DICOM.
TO_YBR = np.array([[0.299, 0.587, 0.114], [-0.1687, -0.3313, 0.5], [0.5, -0.4187, -0.0813]])


def test_ybr_becomes_rgb(tmp_path):
    ybr = np.rint(RGB @ TO_YBR.T + [0, 128, 128])
    image = io.read_image(save(tmp_path / "a.dcm", **colours(ybr, "YBR_FULL")))
    assert (image.axes, image.dtype) == ("YXS", np.uint8)
    np.testing.assert_allclose(image.data, RGB, atol=2)


def test_reads_colours_stored_plane_by_plane(tmp_path):
    planes = colours(RGB, "RGB", PlanarConfiguration=1)
    planes["PixelData"] = np.ascontiguousarray(RGB.transpose(2, 0, 1)).tobytes()
    np.testing.assert_array_equal(io.read_image(save(tmp_path / "a.dcm", **planes)).data, RGB)


@pytest.mark.parametrize("bits", [8, 16])
def test_palette_becomes_rgb(tmp_path, bits):
    index = np.arange(48, dtype=np.uint8).reshape(8, 6)
    table = np.arange(256, dtype=f"u{bits // 8}") * (1 if bits == 8 else 200)
    tags = colours(index, "PALETTE COLOR", SamplesPerPixel=1, PlanarConfiguration=None)
    del tags["PlanarConfiguration"]
    for colour, values in (("Red", table), ("Green", table[::-1]), ("Blue", 0 * table)):
        tags[f"{colour}PaletteColorLookupTableDescriptor"] = [256, 0, bits]
        tags[f"{colour}PaletteColorLookupTableData"] = values.tobytes()
    image = io.read_image(save(tmp_path / "a.dcm", **tags))
    assert (image.axes, image.dtype) == ("YXS", table.dtype)
    shown = np.stack([table[index], table[::-1][index], 0 * index], axis=-1)
    np.testing.assert_array_equal(image.data, shown)


def test_rejects_unknown_colour_model(tmp_path):
    with pytest.raises(InputError, match="colour model"):
        io.read_image(save(tmp_path / "a.dcm", **colours(RGB, "CIELAB")))
