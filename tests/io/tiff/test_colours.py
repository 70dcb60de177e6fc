"""Colours of TIFF files: palettes, CMYK, white as zero, opacity, and samples as channels."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from PIL import Image as Picture

from napari_dip.errors import InputError
from napari_dip.io import images as io
from tests.bad import assert_refused

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (12, 10), dtype=np.uint8)


def stored(path, values, **options):
    tifffile.imwrite(path, values, metadata=None, **options)
    return io.read_image(path)


def packed(path, values, bits, photometric):
    """Write packed integers by hand, which not every version of tifffile supports."""
    places = np.arange(bits - 1, -1, -1)
    rows = (values[..., None] >> places & 1).reshape(len(values), -1)
    tifffile.imwrite(path, np.packbits(rows, axis=1), metadata=None, photometric=photometric)
    with tifffile.TiffFile(path, mode="r+") as file:
        file.pages.first.tags["ImageWidth"].overwrite(values.shape[1])
        file.pages.first.tags["BitsPerSample"].overwrite(bits)
    return io.read_image(path)


def palette(*curves):
    """Return a palette of 256 entries with an exponent for each colour."""
    return np.stack([np.linspace(0, 1, 256) ** curve * 65535 for curve in curves]).astype(np.uint16)


def test_palette_becomes_rgb(tmp_path):
    table = palette(0.5, 1, 2)
    image = stored(tmp_path / "a.tif", GREY, photometric="palette", colormap=table)
    assert image.axes == "YXS"
    np.testing.assert_array_equal(image.data, table.T[GREY])
    assert "palette" in image.warnings[0]


def test_palette_of_8_bits_agrees_with_pillow(tmp_path):
    picture = Picture.fromarray(np.stack([GREY, 255 - GREY, GREY // 2], -1)).quantize(16)
    picture.save(tmp_path / "a.tif")
    image = io.read_image(tmp_path / "a.tif")
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(image.data, np.asarray(picture.convert("RGB")))


def test_palette_of_greys_gives_grey_values(tmp_path):
    table = np.stack([np.arange(256)[::-1].astype(np.uint16) * 257] * 3)
    image = stored(tmp_path / "a.tif", GREY, photometric="palette", colormap=table)
    assert (image.axes, image.dtype) == ("YX", np.dtype("uint8"))
    np.testing.assert_array_equal(image.data, 255 - GREY)


def test_imagej_lookup_table_keeps_measured_values(tmp_path):
    table = (palette(1, 8, 8) >> 8).astype(np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", GREY, imagej=True, colormap=table)
    image = io.read_image(tmp_path / "a.tif")
    assert (image.axes, image.warnings) == ("YX", ())
    np.testing.assert_array_equal(image.data, GREY)


def test_no_data_index_of_a_palette_is_missing_in_every_sample(tmp_path):
    tag = (42113, 2, 2, "7", True)
    image = stored(
        tmp_path / "a.tif",
        GREY,
        photometric="palette",
        colormap=palette(0.5, 1, 2),
        extratags=[tag],
    )
    np.testing.assert_array_equal(np.isnan(image.data), np.stack([GREY == 7] * 3, -1))


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_inverts_white_as_zero(tmp_path, dtype):
    values = GREY.astype(dtype) * (257 if dtype == "uint16" else 1)
    image = stored(tmp_path / "a.tif", values, photometric="miniswhite")
    np.testing.assert_array_equal(image.data, np.iinfo(dtype).max - values)
    assert "inverted" in image.warnings[0]


def test_inverts_white_as_zero_within_12_bits(tmp_path):
    values = GREY.astype(np.uint16) * 16
    image = packed(tmp_path / "a.tif", values, 12, "miniswhite")
    np.testing.assert_array_equal(image.data, 4095 - values)


@pytest.mark.parametrize("mode", ["miniswhite", "minisblack"])
def test_binary_values_agree_with_pillow(tmp_path, mode):
    bits = GREY > 100
    image = stored(tmp_path / "a.tif", bits, photometric=mode)
    with Picture.open(tmp_path / "a.tif") as picture:
        np.testing.assert_array_equal(image.data, np.asarray(picture))
    assert image.data.sum() == (bits.sum() if mode == "minisblack" else (~bits).sum())


def test_warns_of_white_as_zero_in_floats(tmp_path):
    image = stored(tmp_path / "a.tif", GREY.astype(np.float32), photometric="miniswhite")
    np.testing.assert_array_equal(image.data, GREY)
    assert "0 as white" in image.warnings[0]


@pytest.mark.parametrize("bits", [10, 12, 14])
def test_reads_packed_integers(tmp_path, bits):
    values = (GREY.astype(np.uint16) << (bits - 8)) + 1
    image = packed(tmp_path / "a.tif", values, bits, "minisblack")
    np.testing.assert_array_equal(image.data, values)


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize(
    ("samples", "photometric", "extra"),
    [
        (2, "minisblack", ["unspecified"]),
        (3, "minisblack", ["unspecified"] * 2),
        (4, "minisblack", ["unspecified"] * 3),
        (4, "rgb", ["unspecified"]),
        (5, "rgb", ["unspecified"] * 2),
    ],
)
def test_samples_other_than_opacity_are_channels(tmp_path, planar, samples, photometric, extra):
    values = RNG.integers(0, 256, (samples, 12, 10), dtype=np.uint8)
    given = values if planar == "separate" else np.moveaxis(values, 0, -1)
    image = stored(
        tmp_path / "a.tif", given, planarconfig=planar, photometric=photometric, extrasamples=extra
    )
    assert image.axes == "CYX"
    np.testing.assert_array_equal(image.data, values)


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize(("samples", "extra"), [(3, None), (4, ["unassalpha"])])
def test_colours_and_opacity_are_the_last_axis(tmp_path, planar, samples, extra):
    values = RNG.integers(0, 256, (samples, 12, 10), dtype=np.uint8)
    given = values if planar == "separate" else np.moveaxis(values, 0, -1)
    image = stored(
        tmp_path / "a.tif", given, planarconfig=planar, photometric="rgb", extrasamples=extra
    )
    assert (image.axes, image.warnings) == ("YXS", ())
    np.testing.assert_array_equal(image.data, np.moveaxis(values, 0, -1))
    io.write_image(tmp_path / "b.ome.tif", image)
    np.testing.assert_array_equal(io.read_image(tmp_path / "b.ome.tif").data, image.data)


def test_undoes_premultiplied_opacity(tmp_path):
    colours = np.full((12, 10, 3), 200.0)
    opacity = np.linspace(0, 255, 120).reshape(12, 10, 1).round()
    values = np.concatenate([(colours * opacity / 255).round(), opacity], -1).astype(np.uint8)
    image = stored(tmp_path / "a.tif", values, photometric="rgb", extrasamples=["assocalpha"])
    solid = opacity[..., 0] > 128
    np.testing.assert_allclose(image.data[solid][:, :3], 200, atol=1)
    assert (image.data[opacity[..., 0] == 0] == 0).all()
    np.testing.assert_array_equal(image.data[..., 3], opacity[..., 0])


@pytest.mark.parametrize(("opacity", "warned"), [(255, False), (100, True)])
def test_drops_the_opacity_of_grey_values(tmp_path, opacity, warned):
    values = np.stack([GREY, np.full_like(GREY, opacity)], -1)
    image = stored(
        tmp_path / "a.tif", values, photometric="minisblack", planarconfig="contig",
        extrasamples=["unassalpha"],
    )  # fmt: skip
    assert image.axes == "YX"
    np.testing.assert_array_equal(image.data, GREY)
    assert bool(image.warnings) is warned


@pytest.mark.parametrize("mode", ["CMYK", "LAB", "YCbCr"])
@pytest.mark.parametrize("compression", [None, "tiff_lzw"])
def test_rejects_colours_other_than_rgb(tmp_path, mode, compression):
    Picture.new(mode, (10, 12), (10, 20, 30, 40)[: 4 if mode == "CMYK" else 3]).save(
        tmp_path / "a.tif", compression=compression
    )
    with pytest.raises(InputError, match="expected grey values or RGB. Convert it to RGB"):
        io.read_image(tmp_path / "a.tif")


@pytest.mark.parametrize("photometric", ["cfa", "logluv"])
def test_rejects_raw_mosaics_and_logarithmic_colours(tmp_path, photometric):
    shape = (12, 10) if photometric == "cfa" else (12, 10, 3)
    tifffile.imwrite(tmp_path / "a.tif", np.zeros(shape, np.uint16), photometric="minisblack"
                     if photometric == "cfa" else "rgb", metadata=None)  # fmt: skip
    with tifffile.TiffFile(tmp_path / "a.tif", mode="r+") as file:
        file.pages.first.tags["PhotometricInterpretation"].overwrite(
            tifffile.PHOTOMETRIC[photometric.upper()]
        )
    with pytest.raises(InputError, match=f"{photometric.upper()} colours"):
        io.read_image(tmp_path / "a.tif")


def test_decodes_ycbcr_jpeg_to_rgb(tmp_path):
    values = np.full((32, 32, 3), (200, 60, 20), np.uint8)
    image = stored(tmp_path / "a.tif", values, photometric="rgb", compression="jpeg")
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert file.pages.first.photometric == tifffile.PHOTOMETRIC.YCBCR
    assert image.axes == "YXS"
    np.testing.assert_allclose(image.data.astype(int), values, atol=6)


def test_reads_colours_stored_plane_by_plane(tmp_path):
    colours = np.stack([GREY, GREY // 2, GREY // 4])
    tifffile.imwrite(
        tmp_path / "a.tif", colours, photometric="rgb", planarconfig="separate", metadata=None
    )
    image = io.read_image(tmp_path / "a.tif")
    assert image.axes == "YXS"
    np.testing.assert_array_equal(image.data, np.moveaxis(colours, 0, -1))


def test_rejects_cmyk_tiff(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.stack([GREY] * 4, -1), photometric="separated")
    assert "SEPARATED" in assert_refused(tmp_path / "a.tif")
