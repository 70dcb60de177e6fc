"""DICOM: positions, scales, refusals, and no word about the patient."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, JPEG2000Lossless

from napari_dip import io
from napari_dip.errors import FileFormatError, InputError

PATIENT = "Doe^Jane"
STORED = np.random.default_rng(0).integers(0, 2000, (8, 6), dtype=np.uint16)


def save(path, z=0.0, series="1.2.3", pixels=STORED, **tags):
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
    data = FileDataset(path, {}, file_meta=meta, preamble=b"\0" * 128)
    data.PatientName = data.PatientID = PATIENT
    data.SeriesInstanceUID = series
    data.Rows, data.Columns = pixels.shape[-2:]
    data.SamplesPerPixel = 1
    data.PhotometricInterpretation = "MONOCHROME2"
    data.BitsAllocated = data.BitsStored = 16
    data.HighBit = 15
    data.PixelRepresentation = 0
    data.PixelSpacing = [0.5, 0.25]  # of rows, of columns
    data.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    data.ImagePositionPatient = [-10, -20, z]
    data.PixelData = pixels.tobytes()
    for name, value in tags.items():
        if value is None:
            delattr(data, name)
        else:
            setattr(data, name, value)
    data.save_as(path, enforce_file_format=True)
    return path


@pytest.mark.parametrize("name", ["a.dcm", "IM0001"])
def test_a_file_is_a_plane_with_its_pixel_size(tmp_path, name):
    image = io.read_image(save(tmp_path / name))
    assert (image.axes, image.dtype) == ("YX", np.uint16)
    np.testing.assert_array_equal(image.data, STORED)
    assert dict(image.voxel_size) == {"Y": 0.5, "X": 0.25}
    assert set(image.units.values()) == {"millimeter"}


def test_a_series_is_sorted_by_position(tmp_path):
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


def test_each_plane_has_its_own_scale(tmp_path):
    save(tmp_path / "0.dcm", 0.0, RescaleSlope=2, RescaleIntercept=-1024)
    save(tmp_path / "1.dcm", 1.0, RescaleSlope=0.5, RescaleIntercept=0)
    image = io.read_image(tmp_path)
    assert image.dtype == np.float32
    np.testing.assert_allclose(image.data, [STORED * 2.0 - 1024, STORED * 0.5])


def test_frames_are_planes_or_times(tmp_path):
    frames = np.stack([STORED, STORED + 1, STORED + 2])
    image = io.read_image(save(tmp_path / "a.dcm", pixels=frames, NumberOfFrames=3))
    assert (image.axes, image.shape) == ("ZYX", (3, 8, 6))
    film = save(tmp_path / "b.dcm", pixels=frames, NumberOfFrames=3, FrameTime=40)
    assert io.read_image(film).axes == "TYX"
    assert io.read_image(film).voxel_size["T"] == pytest.approx(0.04)


def two_series(folder):
    save(folder / "0.dcm", 0.0)
    save(folder / "1.dcm", 1.0, series="1.2.4")


def a_gap(folder):
    for index in (0, 1, 3):
        save(folder / f"{index}.dcm", float(index))


def one_place_twice(folder):
    for index in (0, 1, 1):
        save(folder / f"{len(list(folder.iterdir()))}.dcm", float(index))


def two_sizes(folder):
    save(folder / "0.dcm", 0.0)
    save(folder / "1.dcm", 1.0, pixels=STORED[:4])


def two_directions(folder):
    save(folder / "0.dcm", 0.0)
    save(folder / "1.dcm", 1.0, ImageOrientationPatient=[0, 1, 0, 0, 0, 1])


def no_position(folder):
    save(folder / "0.dcm", 0.0)
    save(folder / "1.dcm", ImagePositionPatient=None)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (two_series, "2 series; expected one"),
        (a_gap, "1 to 2 mm apart; expected the same distance"),
        (one_place_twice, "several planes at one position"),
        (two_sizes, "2 sizes"),
        (two_directions, "2 directions"),
        (no_position, "not all have a position"),
    ],
)
def test_what_is_no_one_volume_is_refused_in_words(tmp_path, make, words):
    make(tmp_path)
    with pytest.raises(FileFormatError, match=words) as caught:
        io.read_image(tmp_path)
    assert PATIENT not in str(caught.value)


def test_scales_that_are_not_understood_are_refused(tmp_path):
    tables = {"ModalityLUTSequence": pydicom.Sequence([pydicom.Dataset()])}
    with pytest.raises(InputError, match="by frame or by a table"):
        io.read_image(save(tmp_path / "a.dcm", **tables))
    with pytest.raises(InputError, match="palette"):
        io.read_image(save(tmp_path / "b.dcm", PhotometricInterpretation="PALETTE COLOR"))


@pytest.mark.parametrize("length", [140, 400, -20])
def test_damage_is_refused_without_a_word_about_the_patient(tmp_path, length, caplog, recwarn):
    with pytest.warns(UserWarning, match="Invalid value"):
        path = save(tmp_path / "a.dcm", StudyDate=PATIENT)  # no date: pydicom quotes it
    caplog.clear()
    recwarn.clear()
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(FileFormatError, match="^Got") as caught:
        io.read_image(path)
    assert PATIENT not in str(caught.value)
    assert PATIENT not in caplog.text
    assert not [warning for warning in recwarn if PATIENT in str(warning.message)]


def test_a_decoder_that_is_missing_is_named(tmp_path, monkeypatch):
    path = save(tmp_path / "a.dcm")

    def no_decoder(self):
        raise RuntimeError("Unable to decompress")

    monkeypatch.setattr(FileDataset, "pixel_array", property(no_decoder))
    monkeypatch.setattr(pydicom.uid.UID, "is_compressed", property(lambda self: True))
    with pytest.raises(FileFormatError, match="pip install pylibjpeg"):
        io.read_image(path)


def test_a_compressed_file_is_decoded(shared_data):
    path = shared_data / "medical" / "ct_693_j2k_lossless.dcm"
    assert pydicom.dcmread(path).file_meta.TransferSyntaxUID == JPEG2000Lossless
    image = io.read_image(path)
    stored = np.asarray(io.read_image(shared_data / "medical" / "ct_693_int16.tif").data)
    np.testing.assert_allclose(image.data, stored.astype(np.float32) - 1024)
    assert dict(image.voxel_size) == pytest.approx({"Y": 0.478516, "X": 0.478516})
