"""PNG, JPEG and WebP pictures: bit depth, orientation, opacity and quantisation."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
import torch
from PIL import Image as Picture
from PIL import ImageOps

from napari_dip.core.image.image import Image
from napari_dip.core.tasks import RemoveJpeg
from napari_dip.errors import FileFormatError
from napari_dip.io import images as io
from tests.tiny import small_image, waves

ORIENTATION = 0x0112
# Colour type of PNG, by number of samples.
PNG_COLOUR = {1: 0, 2: 4, 3: 2, 4: 6}


def save_png(path, values, *extra):
    """Write a PNG of 16 bits per sample by hand; Pillow does not support 16-bit colours."""

    def chunk(kind, data):
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    height, width = values.shape[:2]
    colour = PNG_COLOUR[values.shape[2] if values.ndim == 3 else 1]
    head = struct.pack(">IIBBBBB", width, height, 16, colour, 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    chunks = [(b"IHDR", head), *extra, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*one) for one in chunks))
    return path


def numbers(*shape):
    """Return 16-bit values whose upper bytes are equal."""
    return np.random.default_rng(0).integers(30000, 30200, shape).astype(np.uint16)


@pytest.mark.parametrize("samples", [(), (2,), (3,), (4,)], ids=["grey", "LA", "RGB", "RGBA"])
def test_png_keeps_16_bits(tmp_path, samples):
    values = numbers(12, 10, *samples)
    image = io.read_image(save_png(tmp_path / "a.png", values))
    assert (image.axes, image.dtype) == ("YXS" if samples else "YX", np.uint16)
    np.testing.assert_array_equal(image.data, values)
    io.write_image(tmp_path / "b.png", image)
    np.testing.assert_array_equal(io.read_image(tmp_path / "b.png").data, values)


def test_transparent_grey_of_16_bit_png_becomes_opacity(tmp_path):
    values = numbers(12, 10)
    values[2, 3] = 7
    path = save_png(tmp_path / "a.png", values, (b"tRNS", struct.pack(">H", 7)))
    image = io.read_image(path)
    np.testing.assert_array_equal(image.data[..., 0], values)
    np.testing.assert_array_equal(image.data[..., 1] == 0, values == 7)


def test_rejects_truncated_16_bit_png(tmp_path):
    path = save_png(tmp_path / "a.png", numbers(12, 10, 3))
    path.write_bytes(path.read_bytes()[:-60])
    with pytest.raises(FileFormatError, match="cannot be read as .png"):
        io.read_image(path)


@pytest.mark.parametrize(("mode", "bits"), [("1", 1), ("P", 2), ("P", 4)])
def test_png_of_few_bits_has_the_displayed_values(tmp_path, mode, bits):
    values = np.arange(120, dtype=np.uint8).reshape(12, 10) % 2**bits
    picture = Picture.fromarray(values, "L").point(lambda v: 255 * v).convert("1")
    if mode == "P":
        picture = Picture.fromarray(values, "P")
        picture.putpalette([n for level in range(2**bits) for n in (9 * level, 5 * level, 0)])
    picture.save(tmp_path / "a.png", bits=bits)
    image = io.read_image(tmp_path / "a.png")
    shown = values if mode == "1" else values[..., None] * np.array([9, 5, 0], np.uint8)
    assert image.axes == ("YX" if mode == "1" else "YXS")
    np.testing.assert_array_equal(image.data, shown)


@pytest.mark.parametrize("mode", ["L", "P", "RGB"])
def test_transparent_colour_becomes_opacity(tmp_path, mode):
    grey = np.arange(120, dtype=np.uint8).reshape(12, 10)
    picture = Picture.fromarray(grey)
    shown = picture.convert(mode)
    picture = shown if mode != "P" else Picture.fromarray(grey, "P")
    if mode == "P":
        picture.putpalette([n for level in range(256) for n in (level, level, level)])
    picture.save(tmp_path / "a.png", transparency=(5, 5, 5) if mode == "RGB" else 5)
    image = io.read_image(tmp_path / "a.png")
    np.testing.assert_array_equal(image.data[..., 0], grey)
    np.testing.assert_array_equal(image.data[..., -1] == 0, grey == 5)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
def test_turns_picture_upright(tmp_path, suffix, orientation):
    picture = Picture.fromarray(waves((24, 40)).astype(np.uint8)).convert("RGB")
    tag = picture.getexif()
    tag[ORIENTATION] = orientation
    picture.save(tmp_path / f"a{suffix}", exif=tag)
    with Picture.open(tmp_path / f"a{suffix}") as stored:
        upright = np.asarray(ImageOps.exif_transpose(stored))
    image = io.read_image(tmp_path / f"a{suffix}")
    assert image.shape == upright.shape
    np.testing.assert_array_equal(image.data, upright)


def test_turns_16_bit_png_upright(tmp_path):
    picture = Picture.new("L", (1, 1))
    tag = picture.getexif()
    tag[ORIENTATION] = 6
    values = numbers(24, 40, 3)
    exif = (b"eXIf", tag.tobytes().removeprefix(b"Exif\0\0"))
    image = io.read_image(save_png(tmp_path / "a.png", values, exif))
    np.testing.assert_array_equal(image.data, np.rot90(values, -1))


@pytest.mark.parametrize("orientation", [0, 9])
def test_ignores_undefined_exif_orientation(tmp_path, orientation):
    picture = Picture.fromarray(waves((24, 40)).astype(np.uint8))
    tag = picture.getexif()
    tag[ORIENTATION] = orientation
    picture.save(tmp_path / "a.png", exif=tag)
    np.testing.assert_array_equal(io.read_image(tmp_path / "a.png").data, np.asarray(picture))


def test_reads_jpeg_with_previews_without_them(tmp_path):
    pictures = [Picture.new("RGB", size, "red") for size in ((40, 24), (8, 8))]
    pictures[0].save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=pictures[1:])
    assert io.read_image(tmp_path / "a.jpg").shape == (24, 40, 3)


def test_rejects_animation(tmp_path):
    frames = [Picture.new("L", (8, 8), level) for level in (0, 9)]
    frames[0].save(tmp_path / "a.png", save_all=True, append_images=frames[1:])
    with pytest.raises(FileFormatError, match="several frames"):
        io.read_image(tmp_path / "a.png")


def test_converts_cmyk_to_rgb_with_a_warning(tmp_path):
    Picture.new("RGB", (16, 16), (200, 40, 90)).convert("CMYK").save(tmp_path / "a.jpg")
    image = io.read_image(tmp_path / "a.jpg")
    assert image.shape == (16, 16, 3)
    np.testing.assert_allclose(image.data[8, 8], (200, 40, 90), atol=4)
    assert "CMYK" in image.warnings[0]


def test_rejects_five_samples_for_png(tmp_path):
    with pytest.raises(FileFormatError, match="one plane"):
        io.write_image(tmp_path / "a.png", Image(np.zeros((4, 4, 5), np.uint8), "YXS"))


def turned_jpeg(path, orientation, shape, subsampling):
    grey = waves(shape)
    colours = np.stack([grey, grey[::-1], 240 - grey], axis=-1).astype(np.uint8)
    picture = Picture.fromarray(colours if subsampling is not None else colours[..., 0])
    tag = picture.getexif()
    tag[ORIENTATION] = orientation
    options = {} if subsampling is None else {"subsampling": subsampling}
    picture.save(path, quality=30, exif=tag, **options)
    return path


def distance_to_integers(image, quantisation):
    """Return the median distance of luma coefficients to integers, in quantisation steps."""
    operator = RemoveJpeg(quantisation).operator(image, "YX")
    pixels = np.atleast_3d(image.data).transpose(2, 0, 1).astype(float)
    planes = torch.from_numpy(np.ascontiguousarray(pixels))[None]
    recorded, where = operator.measured(planes, torch.ones_like(planes, dtype=torch.bool))
    luma = recorded[:, 0][where[:, 0]]
    return float((luma - luma.round())[luma.abs() > 0.5].abs().median())


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("subsampling", [None, 0, 1, 2], ids=["grey", "444", "422", "420"])
def test_quantisation_of_a_turned_jpeg_fits_its_upright_pixels(tmp_path, subsampling, orientation):
    path = turned_jpeg(tmp_path / "a.jpg", orientation, (48, 80), subsampling)
    image, quantisation = io.read_image(path), io.read_quantisation(path)
    assert distance_to_integers(image, quantisation) < 0.06


@pytest.mark.parametrize(("orientation", "known"), [(1, True), (5, True), (6, False), (3, False)])
def test_flipped_jpeg_with_partial_blocks_has_no_quantisation(tmp_path, orientation, known):
    path = turned_jpeg(tmp_path / "a.jpg", orientation, (43, 77), 2)
    assert (io.read_quantisation(path) is not None) is known


@pytest.mark.parametrize(("axes", "dtype"), [("YX", "uint8"), ("YX", "uint16"), ("YXS", "uint8")])
def test_png_values_are_rounded_and_clipped(tmp_path, axes, dtype):
    image = small_image(axes).with_data(small_image(axes).data * 2 - 100)
    io.write_image(tmp_path / "a.png", image, dtype=dtype)
    back = io.read_image(tmp_path / "a.png")
    assert (back.axes, back.dtype) == (axes, np.dtype(dtype))
    expected = np.clip(np.rint(image.data), 0, np.iinfo(dtype).max)
    np.testing.assert_array_equal(back.data, expected)


@pytest.mark.parametrize(
    ("name", "mode"), [("a.png", "RGB"), ("a.jpg", "CMYK"), ("missing.jpg", ""), ("a.txt", "")]
)
def test_only_grey_and_ycbcr_jpeg_has_a_quantisation(tmp_path, name, mode):
    if mode:
        Picture.new(mode, (16, 16)).save(tmp_path / name)
    elif name == "a.txt":
        tmp_path.joinpath(name).write_text("words")
    assert io.read_quantisation(tmp_path / name) is None
