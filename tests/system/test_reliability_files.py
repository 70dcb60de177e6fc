"""Bad files and places: refused before the work, and no result is lost or half written."""

from __future__ import annotations

import errno
import gzip
import json
import os
import shutil
import struct
import zipfile
import zlib
from contextlib import suppress
from pathlib import Path

import nibabel
import numpy as np
import pytest
import tifffile
from PIL import Image as Picture

from napari_dip.cli import main as cli
from napari_dip.errors import FileFormatError, NapariDipError
from napari_dip.io import atomic
from napari_dip.io import images as io
from napari_dip.io import results as outputs
from tests.tiny import noisy_waves, tiny_config

POSIX = pytest.mark.skipif(os.name == "nt", reason="Windows has no such files or names")
PIXELS = np.random.default_rng(0).integers(0, 255, (64, 64), dtype=np.uint8)


@pytest.fixture
def call(capsys, monkeypatch, tmp_path):
    """Run a command line in an empty folder; return exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    tmp_path.joinpath("tiny.json").write_text(tiny_config(2, threads=1).model_dump_json())
    tifffile.imwrite("a.tif", noisy_waves((20, 16)).astype(np.float32))

    def run(*words):
        code = cli.main([*map(str, words), "--config", "tiny.json"])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


def assert_refused(path):
    with pytest.raises(NapariDipError, match="^Got") as caught:
        io.read_image(path)
    text = str(caught.value)
    assert "expected" in text
    assert "\n" not in text
    return text


def names(folder):
    return sorted(path.name for path in folder.iterdir())


# TIFF


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
def test_a_forged_size_is_refused_before_memory_is_taken(tmp_path, monkeypatch, kind, side):
    tifffile.imwrite(tmp_path / "a.tif", PIXELS, metadata=None, **KINDS[kind])
    forge(tmp_path / "a.tif", ImageWidth=side, ImageLength=side)
    monkeypatch.setattr(tifffile.TiffPageSeries, "asarray", lambda series: pytest.fail("read"))
    assert_refused(tmp_path / "a.tif")


@pytest.mark.parametrize("kind", ["tiled", "tiled and compressed"])
def test_tiles_of_a_forged_size_are_refused(tmp_path, kind):
    tifffile.imwrite(tmp_path / "a.tif", PIXELS, metadata=None, **KINDS[kind])
    forge(tmp_path / "a.tif", TileWidth=2**20, TileLength=2**20)
    assert "GB" in assert_refused(tmp_path / "a.tif")


def minimal_tiff(data, compression=1, next_page=0):
    """Return a file of one strip of 64 x 64 bytes, with whatever data."""
    tags = [(256, 64), (257, 64), (258, 8), (259, compression), (262, 1), (273, 8), (277, 1)]
    tags += [(278, 64), (279, len(data))]
    offset = 8 + len(data) + len(data) % 2
    head = struct.pack("<2sHI", b"II", 42, offset) + data + b"\0" * (len(data) % 2)
    page = struct.pack("<H", len(tags)) + b"".join(
        struct.pack("<HHII", number, 4, 1, value) for number, value in tags
    )
    return head + page + struct.pack("<I", offset if next_page == "itself" else next_page)


def test_pixels_compressed_beyond_reason_are_refused(tmp_path, monkeypatch):
    bomb = zlib.compress(bytes(2**27), 9)
    (tmp_path / "a.tif").write_bytes(minimal_tiff(bomb, compression=8))
    monkeypatch.setattr(tifffile.TiffPageSeries, "asarray", lambda series: pytest.fail("read"))
    assert_refused(tmp_path / "a.tif")


def test_a_chain_of_pages_that_closes_ends(tmp_path):
    (tmp_path / "a.tif").write_bytes(minimal_tiff(PIXELS.tobytes(), next_page="itself"))
    with suppress(FileFormatError):  # as older versions of tifffile have it
        np.testing.assert_array_equal(io.read_image(tmp_path / "a.tif").data, PIXELS)


@pytest.mark.parametrize("share", [0.001, 0.01, 0.04, 0.06, 0.1, 0.5, 0.99, 0.9999])
@pytest.mark.parametrize("kind", KINDS)
def test_a_tiff_that_was_cut_anywhere_is_refused_in_our_words_alone(tmp_path, caplog, kind, share):
    tifffile.imwrite(tmp_path / "a.tif", PIXELS, metadata=None, **KINDS[kind])
    content = (tmp_path / "a.tif").read_bytes()
    (tmp_path / "a.tif").write_bytes(content[: int(share * len(content))])
    assert_refused(tmp_path / "a.tif")
    assert caplog.text == ""


def test_bits_that_flipped_in_a_compressed_tiff_are_noticed(tmp_path):
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


def test_a_set_of_ome_tiff_is_read_whole_or_refused(tmp_path):
    path = write_pair(tmp_path)
    image = io.read_image(path)
    np.testing.assert_array_equal(image.data, [PIXELS + np.uint8(1), PIXELS + np.uint8(2)])
    (tmp_path / "two.ome.tif").unlink()
    assert "lacks a part" in assert_refused(path)  # not a black plane


def test_an_ome_tiff_takes_nothing_from_other_folders(tmp_path):
    (tmp_path / "in").mkdir()
    path = write_pair(tmp_path / "in", "../secret.ome.tif")
    assert (tmp_path / "secret.ome.tif").exists()
    assert_refused(path)


@pytest.mark.parametrize("ome", [True, False])
def test_a_file_of_several_images_is_refused_and_one_with_a_thumbnail_is_not(tmp_path, ome):
    with tifffile.TiffWriter(tmp_path / "a.ome.tif", ome=ome) as file:
        file.write(PIXELS, metadata={"axes": "YX"})
        file.write(PIXELS[:16, :16], metadata={"axes": "YX"})
    assert io.read_image(tmp_path / "a.ome.tif").shape == (64, 64)
    with tifffile.TiffWriter(tmp_path / "b.ome.tif", ome=ome) as file:
        file.write(PIXELS[:16, :16], metadata={"axes": "YX"})
        file.write(PIXELS, metadata={"axes": "YX"})
    assert "2 images" in assert_refused(tmp_path / "b.ome.tif")


def test_of_a_pyramid_the_finest_level_is_read(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.ome.tif", ome=True) as file:
        size = {"PhysicalSizeX": 0.5, "PhysicalSizeXUnit": "µm"}
        file.write(PIXELS, subifds=1, metadata={"axes": "YX", **size})
        file.write(PIXELS[::2, ::2], subfiletype=1)
    image = io.read_image(tmp_path / "a.ome.tif")
    assert (image.shape, dict(image.voxel_size)) == ((64, 64), {"X": 0.5})


def test_colours_stored_plane_by_plane_become_samples(tmp_path):
    colours = np.stack([PIXELS, PIXELS // 2, PIXELS // 4])
    tifffile.imwrite(
        tmp_path / "a.tif", colours, photometric="rgb", planarconfig="separate", metadata=None
    )
    image = io.read_image(tmp_path / "a.tif")
    assert image.axes == "YXS"
    np.testing.assert_array_equal(image.data, np.moveaxis(colours, 0, -1))


def test_colours_of_a_printer_are_refused(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.stack([PIXELS] * 4, -1), photometric="separated")
    assert "SEPARATED" in assert_refused(tmp_path / "a.tif")


@pytest.mark.parametrize("size", ["nan", "inf", "-1", "0"])
def test_a_voxel_size_that_is_none_is_not_known(tmp_path, size):
    tifffile.imwrite(tmp_path / "a.ome.tif", PIXELS, ome=True, metadata={"axes": "YX"})
    with tifffile.TiffFile(tmp_path / "a.ome.tif") as file:
        text = file.ome_metadata.replace("<Pixels ", f'<Pixels PhysicalSizeX="{size}" ')
    tifffile.imwrite(tmp_path / "b.ome.tif", PIXELS, description=text.encode(), metadata=None)
    assert dict(io.read_image(tmp_path / "b.ome.tif").voxel_size) == {}


def test_entities_that_grow_without_end_are_refused(tmp_path):
    lines = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    text = f'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY l0 "l">{lines}]><OME><a>&l9;</a></OME>'
    tifffile.imwrite(tmp_path / "a.ome.tif", PIXELS, description=text.encode(), metadata=None)
    assert_refused(tmp_path / "a.ome.tif")


def test_a_large_file_of_64_bit_offsets_is_read(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", PIXELS, bigtiff=True)
    np.testing.assert_array_equal(io.read_image(tmp_path / "a.tif").data, PIXELS)


# Other formats


def png_of(width, height, data):
    def chunk(kind, content):
        sum_ = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + sum_

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(data)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*each) for each in chunks)


def forged_png(path):
    path.write_bytes(png_of(10**5, 10**5, bytes(100)))


def cut_png(path):
    Picture.fromarray(PIXELS).save(path)
    path.write_bytes(path.read_bytes()[:2000])


def moving_png(path):
    frames = [Picture.fromarray(PIXELS), Picture.fromarray(PIXELS[::-1])]
    frames[0].save(path, save_all=True, append_images=frames[1:])


def forged_npy(path):
    np.save(path, PIXELS)
    content = path.read_bytes()
    path.write_bytes(content.replace(b"(64, 64), }    ", b"(640000, 64), }"))


def archive(path):
    with path.open("wb") as file:
        np.savez(file, PIXELS)


def forged_nifti(path):
    nibabel.save(nibabel.Nifti1Image(np.zeros((8, 9, 10), np.int16), np.eye(4)), path)
    content = bytearray(gzip.decompress(path.read_bytes()))
    struct.pack_into("<4h", content, 40, 3, 32000, 32000, 32000)
    path.write_bytes(gzip.compress(bytes(content)))


def weights(path):
    path.write_bytes(b"\x80\x04.")  # would run code if it were loaded


def escaping(path):
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("../outside.txt", "")


def pipe(path):
    os.mkfifo(path)


def loop(path):
    path.symlink_to(path)


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("forged.png", forged_png),
        ("cut.png", cut_png),
        ("moving.png", moving_png),
        ("forged.npy", forged_npy),
        ("archive.npy", archive),
        ("forged.nii.gz", forged_nifti),
        ("weights.pt", weights),
        ("escaping.zarr.zip", escaping),
        pytest.param("pipe.tif", pipe, marks=POSIX),
        pytest.param("loop.tif", loop, marks=POSIX),
    ],
)
def test_a_forged_or_damaged_file_is_refused_in_a_sentence(tmp_path, name, make):
    folder = tmp_path / "folder"
    folder.mkdir()
    make(folder / name)
    assert_refused(folder / name)
    assert names(tmp_path) == ["folder"]


def test_directories_that_overlap_are_refused_before_they_are_read(tmp_path, monkeypatch):
    """Of 40 KB, 5000 directories of 300 tags each: tifffile would be busy for minutes."""
    path, count, tags = tmp_path / "a.tif", 5000, 300
    tifffile.imwrite(path, PIXELS, metadata=None, byteorder="<")
    content = bytearray(path.read_bytes())
    (first,) = struct.unpack_from("<I", content, 4)
    (own,) = struct.unpack_from("<H", content, first)
    place = -(-len(content) // 8) * 8
    struct.pack_into("<I", content, first + 2 + 12 * own, place)
    content += bytes(place - len(content)) + bytes(8 * count + 12 * tags + 8)
    for slot in range(count):  # the number of tags, and beyond them the way to the next slot
        struct.pack_into("<H", content, place + 8 * slot, tags)
        struct.pack_into("<I", content, place + 8 * slot + 2 + 12 * tags, place + 8 * (slot + 1))
    path.write_bytes(content)
    monkeypatch.setattr(tifffile.TiffFile, "series", None)
    assert "overlap" in assert_refused(path)


def test_directories_that_lead_to_each_other_are_refused(tmp_path, monkeypatch):
    """In one such file of 880 bytes tifffile never came to an end, and took all memory."""
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


def test_pixels_that_are_not_of_their_compression_are_refused(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", PIXELS, metadata=None)
    forge(tmp_path / "a.tif", Compression=5)
    assert "no readable .tif file" in assert_refused(tmp_path / "a.tif")


def test_a_numpy_file_of_colours_needs_their_names(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((16, 16, 3)))
    assert "colours" in assert_refused(tmp_path / "a.npy")
    assert io.read_image(tmp_path / "a.npy", "YXS").axes == "YXS"


def test_steps_of_nifti_that_are_no_numbers_are_not_known(tmp_path):
    nibabel.save(nibabel.Nifti1Image(np.ones((8, 9), np.int16), np.eye(4)), tmp_path / "a.nii")
    content = bytearray((tmp_path / "a.nii").read_bytes())
    struct.pack_into("<f", content, 280, float("nan"))  # of the affine
    (tmp_path / "a.nii").write_bytes(content)
    assert io.read_image(tmp_path / "a.nii").affine is None


# Names and places

NAMES = ["with space", "ünïcödé 細胞", "-dash", "quote ' \" $;&", "100%{}[b]", "a.b.c", "x" * 200]


@POSIX
@pytest.mark.parametrize("name", NAMES, ids=lambda name: name[:12])
def test_any_name_that_the_disk_holds_will_do(call, tmp_path, name):
    shutil.copy("a.tif", tmp_path / f"{name}.tif")
    assert call("denoise", tmp_path / f"{name}.tif")[0] == 0
    assert {f"{name}_denoise.ome.tif", f"{name}_denoise.ome.tif.json"} <= set(names(tmp_path))


@pytest.mark.parametrize(
    ("output", "code"),
    [
        ("a.tif", 2),
        ("nowhere/b.tif", 3),
        ("b", 3),
        ("folder", 3),
        ("folder.tif", 3),
        ("x" * 251 + ".tif", 3),
        ("x" * 300 + ".tif", 3),
        ("tiny.json", 2),
    ],
    ids=lambda value: str(value)[:12],
)
def test_an_output_that_cannot_be_is_refused_before_the_work(
    call, tmp_path, monkeypatch, output, code
):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder.tif").mkdir()
    before = names(tmp_path), io.sha256_of("a.tif")
    monkeypatch.setattr(outputs, "write_result", lambda *args, **options: pytest.fail("worked"))
    got, _, err = call("denoise", "a.tif", "-o", output, "--overwrite")
    assert got == code
    assert err.startswith("napari-dip: error: Got")
    assert err.count("\n") == 1
    assert (names(tmp_path), io.sha256_of("a.tif")) == before


def test_a_link_to_the_input_is_the_input(call, tmp_path):
    (tmp_path / "link.tif").symlink_to("a.tif")
    assert call("denoise", "a.tif", "-o", "link.tif", "--overwrite")[0] == 2
    assert call("denoise", "link.tif", "-o", "a.tif", "--overwrite")[0] == 2


def test_a_folder_that_may_not_be_written_is_refused_before_the_work(call, monkeypatch):
    def touch(path):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "touch", touch)
    code, _, err = call("denoise", "a.tif")
    assert code == 3
    assert "Permission denied" in err
    with pytest.raises(FileFormatError):
        atomic.check_place(Path("b.tif"))


def test_rgb_for_nifti_is_refused_before_the_work(call, tmp_path, monkeypatch):
    tifffile.imwrite("rgb.tif", np.stack([PIXELS] * 3, -1), photometric="rgb")
    monkeypatch.setattr(outputs, "write_result", lambda *args, **options: pytest.fail("worked"))
    assert call("denoise", "rgb.tif", "-o", "b.nii.gz")[0] == 3


# A result is not lost


@pytest.fixture
def elsewhere(monkeypatch, tmp_path_factory):
    """Return where results go that cannot be written."""
    folder = tmp_path_factory.mktemp("elsewhere")
    monkeypatch.setattr(outputs.tempfile, "mkdtemp", lambda prefix: str(folder))
    return folder


def after_the_work(monkeypatch, happen):
    """Let something happen between the fit and the writing of its result."""
    write = outputs.write_result

    def late(*args, **options):
        happen()
        return write(*args, **options)

    monkeypatch.setattr(outputs, "write_result", late)


def remove_the_folder():
    shutil.rmtree("out")


def write_the_same():
    tifffile.imwrite("out/b.tif", PIXELS)


@pytest.mark.parametrize(
    ("happen", "code"), [(remove_the_folder, 3), (write_the_same, 2)], ids=["removed", "taken"]
)
def test_a_result_whose_place_is_gone_is_kept_elsewhere(
    call, tmp_path, monkeypatch, elsewhere, happen, code
):
    (tmp_path / "out").mkdir()
    after_the_work(monkeypatch, happen)
    got, _, err = call("denoise", "a.tif", "-o", "out/b.tif")
    assert got == code
    assert f"The result is kept: {elsewhere / 'b.tif'}." in err
    assert io.read_image(elsewhere / "b.tif").shape == (20, 16)


def test_a_full_disk_keeps_the_result_elsewhere(call, tmp_path, monkeypatch, elsewhere):
    (tmp_path / "out").mkdir()
    flush = io.flush

    def full(path):
        if path.parent.name == "out":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        flush(path)

    monkeypatch.setattr(io, "flush", full)
    code, _, err = call("denoise", "a.tif", "-o", "out/b.tif")
    assert (code, names(tmp_path / "out")) == (3, [])
    assert "No space left" in err
    assert names(elsewhere) == ["b.tif"]


def test_an_input_that_changes_or_goes_during_the_run_is_told_as_it_was_read(call, monkeypatch):
    before = io.sha256_of("a.tif")
    after_the_work(monkeypatch, Path("a.tif").unlink)
    code, out, _ = call("denoise", "a.tif", "-o", "b.tif", "--json")
    assert code == 0
    assert json.loads(out)["input"]["sha256"] == before


# Configurations and reports

CONFIGURATIONS = {
    "cut": "{",
    "empty": "",
    "a list": "[]",
    "deep": "[" * 100_000,
    "unknown": '{"fluency": 3}',
    "unknown inside": '{"fit": {"network": {"fluency": 3}}}',
    "wrong": '{"preset": "good"}',
    "infinite": '{"gain": Infinity}',
    "bytes": b"\xff\xfe\x00",
    "a command in YAML": "!!python/object/apply:os.system ['exit 1']",
}


@pytest.mark.parametrize("kind", CONFIGURATIONS)
def test_a_configuration_that_is_none_is_refused(capsys, tmp_path, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    tifffile.imwrite("a.tif", PIXELS)
    content = CONFIGURATIONS[kind]
    Path("c.json").write_bytes(content.encode() if isinstance(content, str) else content)
    assert cli.main(["denoise", "a.tif", "--config", "c.json"]) == 2
    err = capsys.readouterr().err
    assert err.startswith("napari-dip: error: Got")
    assert "Traceback" not in err
    if "unknown" in kind:
        assert "newer version" in err


def test_a_byte_order_mark_is_no_part_of_a_configuration(call):
    text = Path("tiny.json").read_text()
    Path("tiny.json").write_text("\ufeff" + text, encoding="utf-8")
    assert call("denoise", "a.tif")[0] == 0


def test_the_report_of_a_result_repeats_it(call, capsys):
    assert call("denoise", "a.tif", "-o", "b.tif")[0] == 0
    assert cli.main(["denoise", "a.tif", "-o", "c.tif", "--config", "b.tif.json"]) == 0
    again, first = io.read_image("c.tif"), io.read_image("b.tif")
    np.testing.assert_array_equal(again.data, first.data)


# Numbers on the command line


def test_an_axis_named_twice_is_refused(call):
    code, _, err = call("super-resolve", "a.tif", "--factor", "y=2,y=3")
    assert code == 2
    assert "expected a number, or one for each axis" in err


def test_values_whose_squares_are_no_numbers_are_not_compared(capsys, tmp_path):
    np.save(tmp_path / "a.npy", noisy_waves((20, 16)) * 1e300)
    assert cli.main(["evaluate", str(tmp_path / "a.npy"), str(tmp_path / "a.npy")]) == 3
    assert "Divide" in capsys.readouterr().err
