"""Position, pixel size and time of DICOM planes."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest

from napari_dip.io import images as io
from tests.io.dicom.files import STORED, save


def test_sorts_series_by_position(tmp_path):
    for index, z in enumerate([5.0, -1.0, 2.0]):
        save(tmp_path / f"{index}.dcm", z, pixels=STORED + np.uint16(10 * z + 100))
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / "DICOMDIR").write_bytes(b"\0" * 128 + b"DICM")
    image = io.read_image(tmp_path)
    assert (image.axes, image.shape) == ("ZYX", (3, 8, 6))
    assert [int(plane[0, 0]) - int(STORED[0, 0]) for plane in image.data] == [90, 120, 150]
    assert image.voxel_size["Z"] == pytest.approx(3.0)
    # Right and anterior are positive in the affine, left and posterior in DICOM.
    assert np.array(image.affine) == pytest.approx(
        np.array([[-0.25, 0, 0, 10], [0, -0.5, 0, 20], [0, 0, 3, -1], [0, 0, 0, 1]])
    )


def region(unit=3, **deltas):
    """Return a region of an ultrasound image; unit 3 is centimetres."""
    part = pydicom.Dataset()
    part.PhysicalUnitsXDirection = part.PhysicalUnitsYDirection = unit
    part.PhysicalDeltaX, part.PhysicalDeltaY = deltas["x"], deltas["y"]
    return part


@pytest.mark.parametrize(
    ("tags", "voxel_size"),
    [
        ({"PixelSpacing": [0.5, 0.25], "ImagerPixelSpacing": [9, 9]}, {"Y": 0.5, "X": 0.25}),
        ({"PixelSpacing": None, "ImagerPixelSpacing": [0.2, 0.1]}, {"Y": 0.2, "X": 0.1}),
        ({"PixelSpacing": None, "NominalScannedPixelSpacing": [0.2, 0.1]}, {"Y": 0.2, "X": 0.1}),
        (
            {
                "PixelSpacing": None,
                "SequenceOfUltrasoundRegions": pydicom.Sequence([region(x=0.01, y=-0.02)]),
            },
            {"Y": 0.2, "X": 0.1},
        ),
        (
            {
                "PixelSpacing": None,
                "SequenceOfUltrasoundRegions": pydicom.Sequence([region(4, x=0.01, y=0.02)]),
            },
            {},
        ),
        ({"PixelSpacing": [0, 0]}, {}),
        ({"PixelSpacing": None}, {}),
    ],
    ids=["patient", "detector", "scanned film", "ultrasound", "not a length", "zero", "none"],
)
def test_pixel_size_comes_from_the_most_accurate_tag(tmp_path, tags, voxel_size):
    image = io.read_image(save(tmp_path / "a.dcm", **tags))
    assert dict(image.voxel_size) == pytest.approx(voxel_size)
    warned = {"ImagerPixelSpacing"} == set(tags) - {"PixelSpacing"} and tags["PixelSpacing"] is None
    assert bool(image.warnings) == (warned or tags["PixelSpacing"] == [0, 0])


@pytest.mark.parametrize("sign", [1, -1])
def test_spacing_of_frames_against_the_normal_is_positive(tmp_path, sign):
    frames = np.stack([STORED, STORED + 1])
    tags = {"NumberOfFrames": 2, "SpacingBetweenSlices": sign * 4.0}
    image = io.read_image(save(tmp_path / "a.dcm", pixels=frames, **tags))
    assert image.voxel_size["Z"] == 4.0
    assert image.affine[2][2] == sign * 4.0


def test_spacing_of_planes_comes_from_their_positions(tmp_path):
    for index, z in enumerate([9.0, 6.0, 3.0]):
        save(tmp_path / f"{index}.dcm", z, SpacingBetweenSlices=99, SliceThickness=5)
    assert io.read_image(tmp_path).voxel_size["Z"] == pytest.approx(3.0)


def test_affine_of_a_tilted_gantry_is_sheared(tmp_path):
    for index in range(3):
        place = [-10, -20 + index, 3.0 * index]
        save(tmp_path / f"{index}.dcm", ImagePositionPatient=place)
    image = io.read_image(tmp_path)
    assert image.voxel_size["Z"] == pytest.approx(3.0)
    assert [row[2] for row in image.affine[:3]] == pytest.approx([0, -1, 3])
    assert "tilted gantry" in image.warnings[0]


def test_ignores_rounding_of_orientations(tmp_path):
    for index in range(2):
        direction = [1, 1e-5 * index, 0, 0, 1, 0]
        save(tmp_path / f"{index}.dcm", float(index), ImageOrientationPatient=direction)
    assert io.read_image(tmp_path).shape == (2, 8, 6)


@pytest.mark.parametrize(
    ("vector", "voxel_size", "warned"),
    [([0, 40, 40], {"T": 0.04}, False), ([0, 40, 90], {}, True)],
)
def test_reads_frame_interval_if_it_is_constant(tmp_path, vector, voxel_size, warned):
    frames = np.stack([STORED, STORED + 1, STORED + 2])
    tags = {"NumberOfFrames": 3, "FrameTimeVector": vector, "PixelSpacing": None}
    image = io.read_image(save(tmp_path / "a.dcm", pixels=frames, **tags))
    assert image.axes == "TYX"
    assert dict(image.voxel_size) == pytest.approx(voxel_size)
    assert bool(image.warnings) is warned


def test_reads_mosaic_as_one_plane_with_a_warning(tmp_path):
    image = io.read_image(save(tmp_path / "a.dcm", ImageType=["ORIGINAL", "PRIMARY", "MOSAIC"]))
    assert image.affine is None
    assert "mosaic" in image.warnings[0]


def test_affine_has_the_code_of_scanner_coordinates(tmp_path):
    for index in range(2):
        save(tmp_path / f"{index}.dcm", 3.0 * index)
    image = io.read_image(tmp_path)
    io.write_image(tmp_path / "a.nii", image)
    back = io.read_image(tmp_path / "a.nii")
    assert back.affine_code == 1
    np.testing.assert_allclose(back.affine, image.affine, atol=1e-5)
