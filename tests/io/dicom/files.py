"""Small DICOM files for the tests."""

from __future__ import annotations

import numpy as np
import pydicom
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

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
    data.PixelSpacing = [0.5, 0.25]  # (rows, columns)
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


def signed(values):
    return {"pixels": values.astype(np.int16), "PixelRepresentation": 1}


def colours(values, model, **tags):
    eight = {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "SamplesPerPixel": 3}
    return {
        "pixels": np.zeros(values.shape[:2], np.uint8),
        **eight,
        "PlanarConfiguration": 0,
        "PhotometricInterpretation": model,
        "Rows": values.shape[0],
        "Columns": values.shape[1],
        "PixelData": values.astype(np.uint8).tobytes(),
        **tags,
    }


RGB = np.random.default_rng(1).integers(60, 190, (8, 6, 3)).astype(np.uint8)


def groups(**sequences):
    """Return a dataset of functional groups, each with the given attributes."""
    dataset = pydicom.Dataset()
    for name, attributes in sequences.items():
        group = pydicom.Dataset()
        for key, value in attributes.items():
            setattr(group, key, value)
        setattr(dataset, f"{name}Sequence", pydicom.Sequence([group]))
    return dataset


def enhanced(path, positions, slopes=(1, 1, 1), **tags):
    """Write an enhanced file with a frame of STORED at each position along Z."""
    shared = groups(
        PixelMeasures={"PixelSpacing": [0.5, 0.25], "SliceThickness": 3},
        PlaneOrientation={"ImageOrientationPatient": [1, 0, 0, 0, 1, 0]},
    )
    frames = [
        groups(
            PixelValueTransformation={"RescaleSlope": slope, "RescaleIntercept": 5},
            **({} if z is None else {"PlanePosition": {"ImagePositionPatient": [-10, -20, z]}}),
        )
        for z, slope in zip(positions, slopes, strict=True)
    ]
    top = dict.fromkeys(("PixelSpacing", "ImageOrientationPatient", "ImagePositionPatient"))
    return save(
        path,
        pixels=np.stack([STORED + index for index in range(len(positions))]),
        NumberOfFrames=len(positions),
        SharedFunctionalGroupsSequence=pydicom.Sequence([shared]),
        PerFrameFunctionalGroupsSequence=pydicom.Sequence(frames),
        **{**top, **tags},
    )
