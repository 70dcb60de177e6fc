"""Headers: axes and voxel size of a file, without its pixels."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

from napari_dip.core.image.image import Image
from napari_dip.io.headers import read_header
from napari_dip.io.images import read_image, write_image


@pytest.mark.parametrize("suffix", [".tif", ".ome.tif", ".ome.zarr"])
@pytest.mark.parametrize("axes", ["CYX", "ZYX", "TYX"])
def test_header_has_the_axes_and_voxel_size_of_the_image(tmp_path, suffix, axes):
    if suffix == ".ome.zarr":
        pytest.importorskip("zarr", reason="the extra zarr is not installed")
    sizes = {axis: size for axis, size in {"Z": 3.0, "Y": 0.25, "X": 0.25}.items() if axis in axes}
    image = Image(np.ones((3, 8, 9), np.uint16), axes, sizes, dict.fromkeys(sizes, "micrometer"))
    path = tmp_path / f"image{suffix}"
    write_image(path, image)
    header, complete = read_header(path), read_image(path)
    assert (header.axes, header.shape) == (complete.axes, complete.shape) == (axes, (3, 8, 9))
    assert header.voxel_size == complete.voxel_size
    assert header.voxel_size == pytest.approx(sizes)
    assert header.units == complete.units


def test_pixels_of_a_tiff_are_not_read(tmp_path, monkeypatch):
    path = tmp_path / "image.tif"
    tifffile.imwrite(
        path, np.ones((3, 8, 9), np.uint16), photometric="minisblack", metadata={"axes": "CYX"}
    )

    def refuse(*_, **__):
        raise AssertionError("pixels were read")

    for kind in (tifffile.TiffPage, tifffile.TiffPageSeries, tifffile.TiffFile):
        monkeypatch.setattr(kind, "asarray", refuse)
    assert read_header(path).axes == "CYX"


def test_a_changed_file_is_read_again(tmp_path):
    path = tmp_path / "image.tif"
    for axes in ("ZYX", "CYX"):
        pixels = np.ones((3, 8, 9), np.uint16)
        tifffile.imwrite(path, pixels, photometric="minisblack", metadata={"axes": axes})
        assert read_header(path).axes == axes
        path.write_bytes(path.read_bytes() + b"\0")  # another size
        assert read_header(path).axes == axes


@pytest.mark.parametrize("name", ["missing.tif", "damaged.tif", "image.npy", "image.czi"])
def test_other_files_have_no_header(tmp_path, name):
    path = tmp_path / name
    if name != "missing.tif":
        path.write_bytes(b"II*\0 damaged")
    assert read_header(path) is None
