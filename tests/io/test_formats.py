"""Choice of reader and writer by suffix or content."""

from __future__ import annotations

import pytest

from napari_dip import optional as extras
from napari_dip.errors import FileFormatError, InputError
from napari_dip.io import formats
from napari_dip.io import images as io
from tests.tiny import small_image


@pytest.mark.parametrize(
    ("name", "writer"),
    [
        ("a.tif", formats.write_imagej),
        ("a.ome.TIF", formats.write_ome),
        ("a.ome.zarr", formats.write_zarr),
        ("a.nii.gz", formats.write_nifti),
    ],
)
def test_longest_suffix_selects_the_writer(tmp_path, name, writer):
    assert formats.writer_of(tmp_path / name) is writer


def test_content_of_a_folder_selects_the_reader(tmp_path):
    io.write_image(tmp_path / "a.zarr", small_image())
    assert formats.reader_of(tmp_path / "a.zarr") is formats.read_zarr
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileFormatError, match="is a folder without an image"):
        formats.reader_of(tmp_path / "empty")


def test_missing_file_is_an_error(tmp_path):
    with pytest.raises(FileFormatError, match="does not exist; expected an image file"):
        formats.reader_of(tmp_path / "a.tif")


def test_hidden_and_unknown_files_are_no_images(tmp_path):
    for name in ("a.png", ".partial-a.png", "notes.txt"):
        (tmp_path / name).touch()
    assert [path.name for path in tmp_path.iterdir() if io.is_image(path)] == ["a.png"]


@pytest.mark.parametrize(
    "suffix", [name for name in io.WRITERS if io.WRITERS[name] in io.LIBRARIES]
)
def test_missing_library_error_names_the_install_command(tmp_path, monkeypatch, suffix):
    path = tmp_path / f"a{suffix}"
    io.write_image(path, small_image())
    monkeypatch.setattr(extras, "installed", lambda library: False)
    for attempt in (lambda: io.check_output(path, overwrite=True), lambda: io.read_image(path)):
        with pytest.raises(InputError, match=r'pip install "napari-dip\[\w+\]"') as caught:
            attempt()
        assert "\n" not in str(caught.value)
