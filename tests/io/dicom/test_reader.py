"""Reading of DICOM files and series, errors, and privacy."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from pydicom.dataset import FileDataset
from pydicom.uid import JPEG2000Lossless

from napari_dip.errors import FileFormatError, InputError
from napari_dip.io import images as io
from tests.io.dicom.files import PATIENT, STORED, save


@pytest.mark.parametrize("name", ["a.dcm", "IM0001"])
def test_reads_one_file_as_plane_with_pixel_size(tmp_path, name):
    image = io.read_image(save(tmp_path / name))
    assert (image.axes, image.dtype) == ("YX", np.uint16)
    np.testing.assert_array_equal(image.data, STORED)
    assert dict(image.voxel_size) == {"Y": 0.5, "X": 0.25}
    assert set(image.units.values()) == {"millimeter"}


def two_series(folder):
    save(folder / "0.dcm", 0.0)
    save(folder / "1.dcm", 1.0, series="1.2.4")


def a_gap(folder):
    for index in (0, 1, 3):
        save(folder / f"{index}.dcm", float(index))


def same_position_twice(folder):
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
        (a_gap, "1 to 2 mm apart; expected equal spacing"),
        (same_position_twice, "several planes have the same position"),
        (two_sizes, "2 sizes"),
        (two_directions, "2 orientations"),
        (no_position, "some without a position"),
    ],
)
def test_rejects_files_that_are_no_volume(tmp_path, make, words):
    make(tmp_path)
    with pytest.raises(FileFormatError, match=words) as caught:
        io.read_image(tmp_path)
    assert PATIENT not in str(caught.value)


def test_rejects_unsupported_scale_and_palette(tmp_path):
    tables = {"ModalityLUTSequence": pydicom.Sequence([pydicom.Dataset()])}
    with pytest.raises(InputError, match="scale is a table"):
        io.read_image(save(tmp_path / "a.dcm", **tables))
    with pytest.raises(InputError, match="palette"):
        io.read_image(save(tmp_path / "b.dcm", PhotometricInterpretation="PALETTE COLOR"))


@pytest.mark.parametrize("length", [140, 400, -20])
def test_error_for_damaged_file_does_not_identify_the_patient(tmp_path, length, caplog, recwarn):
    with pytest.warns(UserWarning, match="Invalid value"):
        path = save(tmp_path / "a.dcm", StudyDate=PATIENT)  # an invalid date, which pydicom quotes
    caplog.clear()
    recwarn.clear()
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(FileFormatError, match="^Got") as caught:
        io.read_image(path)
    assert PATIENT not in str(caught.value)
    assert PATIENT not in caplog.text
    assert not [warning for warning in recwarn if PATIENT in str(warning.message)]


def test_missing_decoder_error_names_the_install_command(tmp_path, monkeypatch):
    path = save(tmp_path / "a.dcm")

    def no_decoder(self):
        raise RuntimeError("Unable to decompress")

    monkeypatch.setattr(FileDataset, "pixel_array", property(no_decoder))
    monkeypatch.setattr(pydicom.uid.UID, "is_compressed", property(lambda self: True))
    with pytest.raises(FileFormatError, match="pip install pylibjpeg"):
        io.read_image(path)


def test_decodes_jpeg_2000(shared_data):
    path = shared_data / "medical" / "ct_693_j2k_lossless.dcm"
    assert pydicom.dcmread(path).file_meta.TransferSyntaxUID == JPEG2000Lossless
    image = io.read_image(path)
    stored = np.asarray(io.read_image(shared_data / "medical" / "ct_693_int16.tif").data)
    padding = stored == stored.min()  # around the field of view
    np.testing.assert_array_equal(np.isnan(image.data), padding)
    np.testing.assert_allclose(image.data[~padding], stored[~padding].astype(np.float32) - 1024)
    assert dict(image.voxel_size) == pytest.approx({"Y": 0.478516, "X": 0.478516})


def test_rejects_planes_of_different_pixel_spacing(tmp_path):
    for index in range(2):
        save(tmp_path / f"{index}.dcm", float(index), PixelSpacing=[0.5 + index, 0.25])
    with pytest.raises(FileFormatError, match="2 pixel spacings"):
        io.read_image(tmp_path)
