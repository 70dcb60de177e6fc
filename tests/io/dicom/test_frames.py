"""Frames of DICOM files: planes, times, and frames with their own geometry."""

from __future__ import annotations

import numpy as np
import pytest

from napari_dip.errors import InputError
from napari_dip.io import images as io
from tests.io.dicom.files import STORED, enhanced, save


def test_reads_frames_as_planes_or_times(tmp_path):
    frames = np.stack([STORED, STORED + 1, STORED + 2])
    image = io.read_image(save(tmp_path / "a.dcm", pixels=frames, NumberOfFrames=3))
    assert (image.axes, image.shape) == ("ZYX", (3, 8, 6))
    film = save(tmp_path / "b.dcm", pixels=frames, NumberOfFrames=3, FrameTime=40)
    assert io.read_image(film).axes == "TYX"
    assert io.read_image(film).voxel_size["T"] == pytest.approx(0.04)


def test_sorts_frames_by_position_and_applies_their_scales(tmp_path):
    image = io.read_image(enhanced(tmp_path / "a.dcm", [6, 0, 3], slopes=(1, 2, 3)))
    assert (image.axes, image.shape) == ("ZYX", (3, 8, 6))
    expected = [(STORED + index) * slope + 5.0 for index, slope in ((1, 2), (2, 3), (0, 1))]
    np.testing.assert_allclose(image.data, expected)
    assert dict(image.voxel_size) == {"Z": 3.0, "Y": 0.5, "X": 0.25}
    assert np.array(image.affine) == pytest.approx(
        np.array([[-0.25, 0, 0, 10], [0, -0.5, 0, 20], [0, 0, 3, 0], [0, 0, 0, 1]])
    )


def test_keeps_order_of_frames_without_position(tmp_path):
    path = enhanced(tmp_path / "a.dcm", [None] * 3, slopes=(1, 1, 2), FrameTime=40)
    image = io.read_image(path)
    assert (image.axes, image.shape) == ("TYX", (3, 8, 6))
    np.testing.assert_allclose(image.data[2], (STORED + 2) * 2.0 + 5)
    assert dict(image.voxel_size) == {"T": 0.04, "Y": 0.5, "X": 0.25}


def test_padding_of_frames_is_missing(tmp_path):
    value = int(STORED[0, 0])
    image = io.read_image(enhanced(tmp_path / "a.dcm", [0, 3, 6], PixelPaddingValue=value))
    np.testing.assert_array_equal(np.isnan(image.data[0]), STORED == value)


@pytest.mark.parametrize(
    ("tags", "words"),
    [({}, "several frames at one position"), ({"TotalPixelMatrixColumns": 99}, "tiles of a slide")],
    ids=["times", "slide"],
)
def test_rejects_frames_that_are_no_stack(tmp_path, tags, words):
    with pytest.raises(InputError, match=words):
        io.read_image(enhanced(tmp_path / "a.dcm", [0, 0, 3], **tags))


def test_reads_series_of_enhanced_files(tmp_path):
    for index, z in enumerate([3.0, 0.0]):
        enhanced(tmp_path / f"{index}.dcm", [z], slopes=(index + 1,))
    image = io.read_image(tmp_path)
    assert image.voxel_size["Z"] == 3.0
    np.testing.assert_allclose(image.data, [STORED * 2.0 + 5, STORED + 5.0])
