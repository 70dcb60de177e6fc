"""Files and folders that are written completely or not at all."""

from __future__ import annotations

import errno
import os

import numpy as np
import pytest

from napari_dip.errors import FileFormatError
from napari_dip.io import images as io
from tests.tiny import small_image


@pytest.mark.parametrize("suffix", io.WRITERS)
def test_full_disk_leaves_no_partial_file_and_keeps_the_old_one(tmp_path, monkeypatch, suffix):
    path = tmp_path / f"a{suffix}"
    io.write_image(path, small_image(), dtype=np.uint8)
    before = io.sha256_of(path)

    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(io.os, "fsync", full)
    with pytest.raises(FileFormatError, match="No space left"):
        io.write_image(path, small_image(), overwrite=True, dtype=np.uint16)
    assert io.sha256_of(path) == before
    assert list(tmp_path.iterdir()) == [path]


def test_hash_of_a_file(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert io.sha256_of(tmp_path / "a").startswith("ba7816bf")


def test_hash_of_a_folder_depends_on_names_and_content(tmp_path):
    found = set()
    for name, content in [("a", b"abc"), ("b", b"abc"), ("a", b"abd")]:
        folder = tmp_path / str(len(found))
        (folder / "in").mkdir(parents=True)
        (folder / "in" / name).write_bytes(content)
        found.add(io.sha256_of(folder))
    assert len(found) == 3
