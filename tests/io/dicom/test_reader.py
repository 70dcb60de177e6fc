"""DICOM: positions, scales, refusals, and no word about the patient."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, JPEG2000Lossless

from napari_dip.api import finish
from napari_dip.core.restoration.restore import restore
from napari_dip.errors import FileFormatError, InputError
from napari_dip.io import images as io
from tests.tiny import tiny_config

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
    with pytest.raises(InputError, match="scale is a table"):
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
    padding = stored == stored.min()  # around the field of view
    np.testing.assert_array_equal(np.isnan(image.data), padding)
    np.testing.assert_allclose(image.data[~padding], stored[~padding].astype(np.float32) - 1024)
    assert dict(image.voxel_size) == pytest.approx({"Y": 0.478516, "X": 0.478516})


# Spacing


def region(unit=3, **deltas):
    """Return a region of an ultrasound picture, with its deltas in centimetres for unit 3."""
    one = pydicom.Dataset()
    one.PhysicalUnitsXDirection = one.PhysicalUnitsYDirection = unit
    one.PhysicalDeltaX, one.PhysicalDeltaY = deltas["x"], deltas["y"]
    return one


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
def test_the_pixel_size_comes_from_the_best_tag(tmp_path, tags, voxel_size):
    image = io.read_image(save(tmp_path / "a.dcm", **tags))
    assert dict(image.voxel_size) == pytest.approx(voxel_size)
    warned = {"ImagerPixelSpacing"} == set(tags) - {"PixelSpacing"} and tags["PixelSpacing"] is None
    assert bool(image.warnings) == (warned or tags["PixelSpacing"] == [0, 0])


@pytest.mark.parametrize("sign", [1, -1])
def test_frames_against_the_normal_have_a_positive_distance(tmp_path, sign):
    frames = np.stack([STORED, STORED + 1])
    tags = {"NumberOfFrames": 2, "SpacingBetweenSlices": sign * 4.0}
    image = io.read_image(save(tmp_path / "a.dcm", pixels=frames, **tags))
    assert image.voxel_size["Z"] == 4.0
    assert image.affine[2][2] == sign * 4.0


def test_the_distance_of_planes_is_that_of_their_positions(tmp_path):
    for index, z in enumerate([9.0, 6.0, 3.0]):
        save(tmp_path / f"{index}.dcm", z, SpacingBetweenSlices=99, SliceThickness=5)
    assert io.read_image(tmp_path).voxel_size["Z"] == pytest.approx(3.0)


def test_planes_of_a_tilted_gantry_are_shifted_in_the_affine(tmp_path):
    for index in range(3):
        place = [-10, -20 + index, 3.0 * index]
        save(tmp_path / f"{index}.dcm", ImagePositionPatient=place)
    image = io.read_image(tmp_path)
    assert image.voxel_size["Z"] == pytest.approx(3.0)
    assert [row[2] for row in image.affine[:3]] == pytest.approx([0, -1, 3])
    assert "tilted gantry" in image.warnings[0]


def test_directions_that_are_rounded_are_one(tmp_path):
    for index in range(2):
        direction = [1, 1e-5 * index, 0, 0, 1, 0]
        save(tmp_path / f"{index}.dcm", float(index), ImageOrientationPatient=direction)
    assert io.read_image(tmp_path).shape == (2, 8, 6)


def test_planes_of_two_pixel_spacings_are_refused(tmp_path):
    for index in range(2):
        save(tmp_path / f"{index}.dcm", float(index), PixelSpacing=[0.5 + index, 0.25])
    with pytest.raises(FileFormatError, match="2 pixel spacings"):
        io.read_image(tmp_path)


@pytest.mark.parametrize(
    ("vector", "voxel_size", "warned"),
    [([0, 40, 40], {"T": 0.04}, False), ([0, 40, 90], {}, True)],
)
def test_times_of_frames_are_read_where_they_are_equal(tmp_path, vector, voxel_size, warned):
    frames = np.stack([STORED, STORED + 1, STORED + 2])
    tags = {"NumberOfFrames": 3, "FrameTimeVector": vector, "PixelSpacing": None}
    image = io.read_image(save(tmp_path / "a.dcm", pixels=frames, **tags))
    assert image.axes == "TYX"
    assert dict(image.voxel_size) == pytest.approx(voxel_size)
    assert bool(image.warnings) is warned


def test_a_mosaic_is_read_as_one_plane_with_a_warning(tmp_path):
    image = io.read_image(save(tmp_path / "a.dcm", ImageType=["ORIGINAL", "PRIMARY", "MOSAIC"]))
    assert image.affine is None
    assert "mosaic" in image.warnings[0]


def test_the_space_of_the_affine_is_the_scanner(tmp_path):
    for index in range(2):
        save(tmp_path / f"{index}.dcm", 3.0 * index)
    image = io.read_image(tmp_path)
    io.write_image(tmp_path / "a.nii", image)
    back = io.read_image(tmp_path / "a.nii")
    assert back.affine_code == 1
    np.testing.assert_allclose(back.affine, image.affine, atol=1e-5)


# Values


def signed(values):
    return {"pixels": values.astype(np.int16), "PixelRepresentation": 1}


@pytest.mark.parametrize(
    ("pixels", "tags", "missing"),
    [
        (STORED, {"PixelPaddingValue": int(STORED[0, 0])}, STORED == STORED[0, 0]),
        (STORED, {"PixelPaddingValue": 0, "PixelPaddingRangeLimit": 500}, STORED <= 500),
        (STORED, {"PixelPaddingValue": 500, "PixelPaddingRangeLimit": 0}, STORED <= 500),
        (STORED, {"PixelPaddingValue": 4000}, np.zeros(STORED.shape, bool)),
    ],
    ids=["value", "range", "range from above", "not there"],
)
@pytest.mark.parametrize("slope", [None, 2])
def test_padding_is_missing(tmp_path, pixels, tags, missing, slope):
    scale = {} if slope is None else {"RescaleSlope": slope, "RescaleIntercept": -1024}
    image = io.read_image(save(tmp_path / "a.dcm", pixels=pixels, **tags, **scale))
    np.testing.assert_array_equal(np.isnan(image.data.astype(float)), missing)
    calibrated = pixels if slope is None else pixels * 2.0 - 1024
    np.testing.assert_array_equal(image.data[~missing], calibrated[~missing])
    assert bool(image.warnings) == missing.any()


@pytest.mark.parametrize("value", [-2000, 63536], ids=["signed", "as a pattern of bits"])
def test_padding_of_signed_values_is_missing(tmp_path, value):
    pixels = STORED.astype(np.int16) - 1000
    pixels[2, 3] = -2000
    path = tmp_path / "a.dcm"
    kind = "SS" if value < 0 else "US"
    save(path, **signed(pixels))
    data = pydicom.dcmread(path)
    data.add_new("PixelPaddingValue", kind, value)
    data.save_as(path)
    image = io.read_image(path)
    assert np.argwhere(np.isnan(image.data)).tolist() == [[2, 3]]
    assert image.data[0, 0] == pixels[0, 0]


def test_the_report_counts_padding(tmp_path):
    image = io.read_image(save(tmp_path / "a.dcm", PixelPaddingValue=int(STORED[0, 0])))
    report = finish(restore(image, config=tiny_config(2))).report
    assert report.input.invalid_pixels == (STORED == STORED[0, 0]).sum()
    assert "padding value" in report.warnings[0]


@pytest.mark.parametrize("bits", [12, 16])
@pytest.mark.parametrize("is_signed", [False, True])
def test_large_values_become_bright(tmp_path, bits, is_signed):
    pixels = STORED.astype(np.int16) - 1000 if is_signed else STORED
    tags = {"BitsStored": bits, "HighBit": bits - 1, **(signed(pixels) if is_signed else {})}
    tags["PhotometricInterpretation"] = "MONOCHROME1"
    image = io.read_image(save(tmp_path / "a.dcm", **tags))
    total = -1 if is_signed else 2**bits - 1
    np.testing.assert_array_equal(image.data, total - pixels.astype(int))
    assert "were inverted" in image.warnings[0]


def test_dark_values_with_a_scale_are_kept(tmp_path):
    tags = {"PhotometricInterpretation": "MONOCHROME1", "RescaleSlope": 2, "RescaleIntercept": 1}
    image = io.read_image(save(tmp_path / "a.dcm", **tags))
    np.testing.assert_array_equal(image.data, STORED * 2.0 + 1)
    assert "were kept" in image.warnings[0]


def test_bits_beside_the_value_are_ignored(tmp_path):
    overlaid = STORED | np.uint16(0x1000)
    image = io.read_image(save(tmp_path / "a.dcm", pixels=overlaid, BitsStored=12, HighBit=11))
    np.testing.assert_array_equal(image.data, STORED)


def test_values_in_the_upper_bits_are_refused(tmp_path):
    with pytest.raises(InputError, match="lowest bit"):
        io.read_image(save(tmp_path / "a.dcm", pixels=STORED << 4, BitsStored=12, HighBit=15))


def test_a_slope_of_zero_is_refused(tmp_path):
    with pytest.raises(InputError, match="slope of 0"):
        io.read_image(save(tmp_path / "a.dcm", RescaleSlope=0, RescaleIntercept=0))


# Colours


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
# BT.601 of the full range, as DICOM has it.
TO_YBR = np.array([[0.299, 0.587, 0.114], [-0.1687, -0.3313, 0.5], [0.5, -0.4187, -0.0813]])


def test_luma_and_colour_become_red_green_and_blue(tmp_path):
    ybr = np.rint(RGB @ TO_YBR.T + [0, 128, 128])
    image = io.read_image(save(tmp_path / "a.dcm", **colours(ybr, "YBR_FULL")))
    assert (image.axes, image.dtype) == ("YXS", np.uint8)
    np.testing.assert_allclose(image.data, RGB, atol=2)


def test_colours_plane_by_plane_are_samples(tmp_path):
    planes = colours(RGB, "RGB", PlanarConfiguration=1)
    planes["PixelData"] = np.ascontiguousarray(RGB.transpose(2, 0, 1)).tobytes()
    np.testing.assert_array_equal(io.read_image(save(tmp_path / "a.dcm", **planes)).data, RGB)


@pytest.mark.parametrize("bits", [8, 16])
def test_a_palette_is_resolved(tmp_path, bits):
    index = np.arange(48, dtype=np.uint8).reshape(8, 6)
    table = np.arange(256, dtype=f"u{bits // 8}") * (1 if bits == 8 else 200)
    tags = colours(index, "PALETTE COLOR", SamplesPerPixel=1, PlanarConfiguration=None)
    del tags["PlanarConfiguration"]
    for colour, values in (("Red", table), ("Green", table[::-1]), ("Blue", 0 * table)):
        tags[f"{colour}PaletteColorLookupTableDescriptor"] = [256, 0, bits]
        tags[f"{colour}PaletteColorLookupTableData"] = values.tobytes()
    image = io.read_image(save(tmp_path / "a.dcm", **tags))
    assert (image.axes, image.dtype) == ("YXS", table.dtype)
    shown = np.stack([table[index], table[::-1][index], 0 * index], axis=-1)
    np.testing.assert_array_equal(image.data, shown)


def test_a_colour_model_that_is_not_known_is_refused(tmp_path):
    with pytest.raises(InputError, match="colour model"):
        io.read_image(save(tmp_path / "a.dcm", **colours(RGB, "CIELAB")))


# Enhanced files


def groups(**sequences):
    """Return a dataset whose sequences hold one dataset of the given attributes each."""
    whole = pydicom.Dataset()
    for name, attributes in sequences.items():
        one = pydicom.Dataset()
        for key, value in attributes.items():
            setattr(one, key, value)
        setattr(whole, f"{name}Sequence", pydicom.Sequence([one]))
    return whole


def enhanced(path, places, slopes=(1, 1, 1), **tags):
    """Write one file with a frame of STORED at each place."""
    shared = groups(
        PixelMeasures={"PixelSpacing": [0.5, 0.25], "SliceThickness": 3},
        PlaneOrientation={"ImageOrientationPatient": [1, 0, 0, 0, 1, 0]},
    )
    frames = [
        groups(
            PixelValueTransformation={"RescaleSlope": slope, "RescaleIntercept": 5},
            **({} if z is None else {"PlanePosition": {"ImagePositionPatient": [-10, -20, z]}}),
        )
        for z, slope in zip(places, slopes, strict=True)
    ]
    top = dict.fromkeys(("PixelSpacing", "ImageOrientationPatient", "ImagePositionPatient"))
    return save(
        path,
        pixels=np.stack([STORED + index for index in range(len(places))]),
        NumberOfFrames=len(places),
        SharedFunctionalGroupsSequence=pydicom.Sequence([shared]),
        PerFrameFunctionalGroupsSequence=pydicom.Sequence(frames),
        **{**top, **tags},
    )


def test_frames_with_positions_are_sorted_planes_of_their_own_scale(tmp_path):
    image = io.read_image(enhanced(tmp_path / "a.dcm", [6, 0, 3], slopes=(1, 2, 3)))
    assert (image.axes, image.shape) == ("ZYX", (3, 8, 6))
    expected = [(STORED + index) * slope + 5.0 for index, slope in ((1, 2), (2, 3), (0, 1))]
    np.testing.assert_allclose(image.data, expected)
    assert dict(image.voxel_size) == {"Z": 3.0, "Y": 0.5, "X": 0.25}
    assert np.array(image.affine) == pytest.approx(
        np.array([[-0.25, 0, 0, 10], [0, -0.5, 0, 20], [0, 0, 3, 0], [0, 0, 0, 1]])
    )


def test_frames_without_positions_stay_in_order(tmp_path):
    path = enhanced(tmp_path / "a.dcm", [None] * 3, slopes=(1, 1, 2), FrameTime=40)
    image = io.read_image(path)
    assert (image.axes, image.shape) == ("TYX", (3, 8, 6))
    np.testing.assert_allclose(image.data[2], (STORED + 2) * 2.0 + 5)
    assert dict(image.voxel_size) == {"T": 0.04, "Y": 0.5, "X": 0.25}


def test_frames_with_padding_are_missing_there(tmp_path):
    value = int(STORED[0, 0])
    image = io.read_image(enhanced(tmp_path / "a.dcm", [0, 3, 6], PixelPaddingValue=value))
    np.testing.assert_array_equal(np.isnan(image.data[0]), STORED == value)


@pytest.mark.parametrize(
    ("tags", "words"),
    [({}, "several frames at one position"), ({"TotalPixelMatrixColumns": 99}, "tiles of a slide")],
    ids=["times", "slide"],
)
def test_frames_that_are_no_stack_are_refused(tmp_path, tags, words):
    with pytest.raises(InputError, match=words):
        io.read_image(enhanced(tmp_path / "a.dcm", [0, 0, 3], **tags))


def test_enhanced_files_of_one_frame_are_a_series(tmp_path):
    for index, z in enumerate([3.0, 0.0]):
        enhanced(tmp_path / f"{index}.dcm", [z], slopes=(index + 1,))
    image = io.read_image(tmp_path)
    assert image.voxel_size["Z"] == 3.0
    np.testing.assert_allclose(image.data, [STORED * 2.0 + 5, STORED + 5.0])
