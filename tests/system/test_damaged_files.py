"""Damaged and forged files: each is rejected in one sentence."""

from __future__ import annotations

import gzip
import os
import struct
import zipfile
import zlib

import nibabel
import numpy as np
import pytest
from PIL import Image as Picture

from tests.bad import assert_refused

PIXELS = np.random.default_rng(0).integers(0, 255, (64, 64), dtype=np.uint8)


POSIX = pytest.mark.skipif(os.name == "nt", reason="Windows has no such files or names")


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
    path.write_bytes(b"\x80\x04.")  # a pickle, which could run code


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
def test_rejects_forged_or_damaged_file(tmp_path, name, make):
    folder = tmp_path / "folder"
    folder.mkdir()
    make(folder / name)
    assert_refused(folder / name)
    assert list(tmp_path.iterdir()) == [folder]
