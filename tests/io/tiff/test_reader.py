"""Reading of TIFF files: pages, pyramids and compressions."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from PIL import Image as Picture

from napari_dip.io import images as io
from tests.tiny import noisy_waves

PIXELS = np.clip(noisy_waves((64, 64)), 0, 255).astype(np.uint8)


def test_reads_pages_of_a_plain_file_as_planes(tmp_path):
    tifffile.imwrite(
        tmp_path / "a.tif", np.zeros((4, 8, 9), np.uint16), photometric="minisblack", metadata=None
    )
    assert io.read_image(tmp_path / "a.tif").axes == "ZYX"


@pytest.mark.parametrize(
    ("compression", "lossless"),
    [
        ("lzw", True), ("zlib", True), ("zstd", True), ("packbits", True), ("lzma", True),
        ("jpeg", False), ("jpeg2000", True), ("webp", True), ("png", True),
    ],
)  # fmt: skip
def test_reads_every_usual_compression(tmp_path, compression, lossless):
    options = {"compressionargs": {"lossless": True}} if compression == "webp" else {}
    values = PIXELS if compression != "webp" else np.stack([PIXELS] * 3, -1)
    photometric = "minisblack" if values.ndim == 2 else "rgb"
    tifffile.imwrite(
        tmp_path / "a.tif", values, compression=compression, photometric=photometric,
        metadata=None, **options,
    )  # fmt: skip
    back = io.read_image(tmp_path / "a.tif").data
    np.testing.assert_allclose(back.astype(int), values, atol=0 if lossless else 40)


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "jpeg"])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_reads_compressed_files_as_pillow_does(tmp_path, compression, mode):
    values = PIXELS if mode == "L" else np.stack([PIXELS, PIXELS // 2, 255 - PIXELS], -1)
    Picture.fromarray(values).save(tmp_path / "a.tif", compression=compression)
    with Picture.open(tmp_path / "a.tif") as picture:
        expected = np.asarray(picture).astype(int)
    difference = io.read_image(tmp_path / "a.tif").data - expected
    # Decoders of JPEG differ in how they round and interpolate colours.
    assert np.abs(difference).mean() < (1.5 if compression == "jpeg" else 1e-9)


def test_reads_the_finest_level_of_a_pyramid(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.ome.tif", ome=True) as file:
        size = {"PhysicalSizeX": 0.5, "PhysicalSizeXUnit": "µm"}
        file.write(PIXELS, subifds=1, metadata={"axes": "YX", **size})
        file.write(PIXELS[::2, ::2], subfiletype=1)
    image = io.read_image(tmp_path / "a.ome.tif")
    assert (image.shape, dict(image.voxel_size)) == ((64, 64), {"X": 0.5})


def test_reads_bigtiff(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", PIXELS, bigtiff=True)
    np.testing.assert_array_equal(io.read_image(tmp_path / "a.tif").data, PIXELS)
