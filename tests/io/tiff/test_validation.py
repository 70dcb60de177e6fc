"""TIFF files that are damaged, forged or incomplete."""

from __future__ import annotations

import struct
import zlib
from contextlib import suppress

import numpy as np
import pytest
import tifffile

from napari_dip.errors import FileFormatError
from napari_dip.io import images as io
from tests.bad import assert_refused

PIXELS = np.random.default_rng(0).integers(0, 255, (64, 64), dtype=np.uint8)


@pytest.mark.parametrize("no_data", [False, True])
def test_warns_of_empty_tiles_unless_they_are_no_data(tmp_path, no_data):
    values = np.ones((64, 64), np.uint8)
    tags = [(42113, 2, 2, "0", True)] if no_data else []
    tifffile.imwrite(tmp_path / "a.tif", values, tile=(32, 32), metadata=None, extratags=tags)
    with tifffile.TiffFile(tmp_path / "a.tif", mode="r+") as file:
        page = file.pages.first
        for name in ("TileOffsets", "TileByteCounts"):
            page.tags[name].overwrite((*page.tags[name].value[:3], 0))
    image = io.read_image(tmp_path / "a.tif")
    corner = np.asarray(image.data[32:, 32:])
    assert np.isnan(corner).all() if no_data else (corner == 0).all()
    assert ("no data" if no_data else "1 strips or tiles without pixels") in image.warnings[0]


def forge(path, **tags):
    """Overwrite tags of the first page."""
    with tifffile.TiffFile(path, mode="r+b") as file:
        for name, value in tags.items():
            file.pages[0].tags[name].overwrite(value)


KINDS = {
    "plain": {},
    "compressed": {"compression": "zlib"},
    "tiled": {"tile": (32, 32)},
    "tiled and compressed": {"tile": (32, 32), "compression": "zlib"},
}


@pytest.mark.parametrize("side", [100, 50_000, 10**6])
@pytest.mark.parametrize("kind", KINDS)
def test_rejects_forged_size_before_allocating_memory(tmp_path, monkeypatch, kind, side):
    tifffile.imwrite(tmp_path / "a.tif", PIXELS, metadata=None, **KINDS[kind])
    forge(tmp_path / "a.tif", ImageWidth=side, ImageLength=side)
    monkeypatch.setattr(tifffile.TiffPageSeries, "asarray", lambda series: pytest.fail("read"))
    assert_refused(tmp_path / "a.tif")


@pytest.mark.parametrize("kind", ["tiled", "tiled and compressed"])
def test_rejects_forged_tile_size(tmp_path, kind):
    tifffile.imwrite(tmp_path / "a.tif", PIXELS, metadata=None, **KINDS[kind])
    forge(tmp_path / "a.tif", TileWidth=2**20, TileLength=2**20)
    assert "GB" in assert_refused(tmp_path / "a.tif")


def minimal_tiff(data, compression=1, next_page=0):
    """Return a TIFF file with one strip of 64 x 64 pixels and the given data."""
    tags = [(256, 64), (257, 64), (258, 8), (259, compression), (262, 1), (273, 8), (277, 1)]
    tags += [(278, 64), (279, len(data))]
    offset = 8 + len(data) + len(data) % 2
    head = struct.pack("<2sHI", b"II", 42, offset) + data + b"\0" * (len(data) % 2)
    page = struct.pack("<H", len(tags)) + b"".join(
        struct.pack("<HHII", number, 4, 1, value) for number, value in tags
    )
    return head + page + struct.pack("<I", offset if next_page == "itself" else next_page)


def test_rejects_compression_bomb(tmp_path, monkeypatch):
    bomb = zlib.compress(bytes(2**27), 9)
    (tmp_path / "a.tif").write_bytes(minimal_tiff(bomb, compression=8))
    monkeypatch.setattr(tifffile.TiffPageSeries, "asarray", lambda series: pytest.fail("read"))
    assert_refused(tmp_path / "a.tif")


def test_page_chain_that_loops_does_not_hang(tmp_path):
    (tmp_path / "a.tif").write_bytes(minimal_tiff(PIXELS.tobytes(), next_page="itself"))
    with suppress(FileFormatError):  # raised by older versions of tifffile
        np.testing.assert_array_equal(io.read_image(tmp_path / "a.tif").data, PIXELS)


@pytest.mark.parametrize("share", [0.001, 0.01, 0.04, 0.06, 0.1, 0.5, 0.99, 0.9999])
@pytest.mark.parametrize("kind", KINDS)
def test_rejects_truncated_tiff_without_log_messages(tmp_path, caplog, kind, share):
    tifffile.imwrite(tmp_path / "a.tif", PIXELS, metadata=None, **KINDS[kind])
    content = (tmp_path / "a.tif").read_bytes()
    (tmp_path / "a.tif").write_bytes(content[: int(share * len(content))])
    assert_refused(tmp_path / "a.tif")
    assert caplog.text == ""


def test_rejects_flipped_bits_in_compressed_tiff(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", PIXELS, metadata=None, compression="zlib")
    content = bytearray((tmp_path / "a.tif").read_bytes())
    content[len(content) // 2] ^= 0xFF
    (tmp_path / "a.tif").write_bytes(content)
    assert_refused(tmp_path / "a.tif")


OME = """<?xml version="1.0" encoding="UTF-8"?><OME xmlns="http://www.openmicroscopy.org/Schemas/\
OME/2016-06" UUID="urn:uuid:11111111-1111-1111-1111-11111111111{me}"><Image ID="Image:0"><Pixels \
ID="Pixels:0" DimensionOrder="XYZCT" Type="uint8" SizeX="64" SizeY="64" SizeZ="2" SizeC="1" \
SizeT="1"><Channel ID="Channel:0:0" SamplesPerPixel="1"/><TiffData FirstZ="0" IFD="0" \
PlaneCount="1"><UUID FileName="one.ome.tif">urn:uuid:11111111-1111-1111-1111-111111111111</UUID>\
</TiffData><TiffData FirstZ="1" IFD="0" PlaneCount="1"><UUID FileName="{other}">\
urn:uuid:11111111-1111-1111-1111-111111111112</UUID></TiffData></Pixels></Image></OME>"""


def write_pair(folder, other="two.ome.tif"):
    """Write a stack whose planes are in two files."""
    for me, path in enumerate([folder / "one.ome.tif", folder / other], 1):
        text = OME.format(me=me, other=other).encode()
        tifffile.imwrite(path, PIXELS + np.uint8(me), description=text, metadata=None)
    return folder / "one.ome.tif"


def test_reads_complete_ome_tiff_set_and_rejects_incomplete_one(tmp_path):
    path = write_pair(tmp_path)
    image = io.read_image(path)
    np.testing.assert_array_equal(image.data, [PIXELS + np.uint8(1), PIXELS + np.uint8(2)])
    (tmp_path / "two.ome.tif").unlink()
    assert "is incomplete" in assert_refused(path)  # and no black plane is read


def test_ome_tiff_reads_no_file_of_another_folder(tmp_path):
    (tmp_path / "in").mkdir()
    path = write_pair(tmp_path / "in", "../secret.ome.tif")
    assert (tmp_path / "secret.ome.tif").exists()
    assert_refused(path)


@pytest.mark.parametrize("ome", [True, False])
def test_rejects_several_images_but_not_a_thumbnail(tmp_path, ome):
    with tifffile.TiffWriter(tmp_path / "a.ome.tif", ome=ome) as file:
        file.write(PIXELS, metadata={"axes": "YX"})
        file.write(PIXELS[:16, :16], metadata={"axes": "YX"})
    assert io.read_image(tmp_path / "a.ome.tif").shape == (64, 64)
    with tifffile.TiffWriter(tmp_path / "b.ome.tif", ome=ome) as file:
        file.write(PIXELS[:16, :16], metadata={"axes": "YX"})
        file.write(PIXELS, metadata={"axes": "YX"})
    assert "2 images" in assert_refused(tmp_path / "b.ome.tif")


def test_rejects_overlapping_page_directories_before_reading(tmp_path, monkeypatch):
    """A file of 40 KB with 5000 directories of 300 tags, which tifffile reads for minutes."""
    path, count, tags = tmp_path / "a.tif", 5000, 300
    tifffile.imwrite(path, PIXELS, metadata=None, byteorder="<")
    content = bytearray(path.read_bytes())
    (first,) = struct.unpack_from("<I", content, 4)
    (own,) = struct.unpack_from("<H", content, first)
    place = -(-len(content) // 8) * 8
    struct.pack_into("<I", content, first + 2 + 12 * own, place)
    content += bytes(place - len(content)) + bytes(8 * count + 12 * tags + 8)
    for slot in range(count):  # number of tags, then the offset of the next directory
        struct.pack_into("<H", content, place + 8 * slot, tags)
        struct.pack_into("<I", content, place + 8 * slot + 2 + 12 * tags, place + 8 * (slot + 1))
    path.write_bytes(content)
    monkeypatch.setattr(tifffile.TiffFile, "series", None)
    assert "overlap" in assert_refused(path)


def test_rejects_page_directories_that_loop(tmp_path, monkeypatch):
    """tifffile reads such a file of 880 bytes without end until memory is exhausted."""
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.stack([PIXELS, PIXELS]), metadata=None, byteorder="<")
    content = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as file:
        first, second = (page.offset for page in file.pages)
    (tags,) = struct.unpack_from("<H", content, second)
    struct.pack_into("<I", content, second + 2 + 12 * tags, first)
    path.write_bytes(content)
    monkeypatch.setattr(tifffile.TiffFile, "series", None)
    assert "overlap" in assert_refused(path)


def test_rejects_pixels_that_do_not_match_their_compression(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", PIXELS, metadata=None)
    forge(tmp_path / "a.tif", Compression=5)
    assert "cannot be read as .tif" in assert_refused(tmp_path / "a.tif")
