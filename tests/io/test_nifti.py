"""NIfTI: affines, units, scaling and errors."""

from __future__ import annotations

import struct

import nibabel
import numpy as np
import pytest

from napari_dip.core.image.image import Image
from napari_dip.errors import FileFormatError, InputError
from napari_dip.io import images as io

AFFINE = np.array([[-2.0, 0.1, 0, 90], [0.1, 2.0, 0.3, -40], [0, 0.3, 3.0, 7], [0, 0, 0, 1]])


def save(path, values, unit="mm", **scaling):
    file = nibabel.Nifti1Image(values, AFFINE)
    file.header.set_xyzt_units(unit, "sec")
    file.header.set_slope_inter(scaling.get("slope", 1), scaling.get("inter", 0))
    nibabel.save(file, path)


@pytest.fixture
def values():
    return np.random.default_rng(0).integers(0, 900, (5, 6, 4, 3), dtype=np.int16)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_reverses_axes_and_keeps_the_affine(tmp_path, values, suffix):
    save(tmp_path / f"a{suffix}", values)
    image = io.read_image(tmp_path / f"a{suffix}")
    assert (image.axes, image.shape, image.dtype) == ("TZYX", (3, 4, 6, 5), np.int16)
    np.testing.assert_array_equal(image.data, values.transpose(3, 2, 1, 0))
    assert set(image.units.values()) == {"millimeter", "second"}
    assert image.voxel_size["X"] == pytest.approx(np.linalg.norm(AFFINE[:, 0]))
    io.write_image(tmp_path / f"b{suffix}", image)
    back = nibabel.load(tmp_path / f"b{suffix}")
    np.testing.assert_allclose(back.affine, AFFINE, atol=1e-5)
    np.testing.assert_array_equal(np.asarray(back.dataobj), values)
    assert back.header.get_xyzt_units() == ("mm", "sec")


def test_voxel_size_without_affine_is_the_diagonal(tmp_path):
    image = Image(np.ones((3, 4, 5), np.float32), "ZYX", {"Z": 2.0, "Y": 0.5, "X": 0.25},
                  dict.fromkeys("ZYX", "micrometer"))  # fmt: skip
    io.write_image(tmp_path / "a.nii", image)
    back = nibabel.load(tmp_path / "a.nii")
    assert np.diag(back.affine) == pytest.approx([0.25, 0.5, 2.0, 1.0])
    assert back.header.get_xyzt_units()[0] == "micron"


def test_converts_units_that_nifti_lacks_to_micrometres(tmp_path):
    sizes, units = {"Y": 50.0, "X": 0.1}, {"Y": "nanometer", "X": "micrometer"}
    io.write_image(tmp_path / "a.nii", Image(np.ones((4, 5), np.float32), "YX", sizes, units))
    back = io.read_image(tmp_path / "a.nii")
    assert dict(back.voxel_size) == pytest.approx({"Y": 0.05, "X": 0.1})
    assert dict(back.units) == dict.fromkeys("YX", "micrometer")


def test_applies_slope_and_intercept(tmp_path, values):
    save(tmp_path / "a.nii", values, slope=0.5, inter=-1000)
    image = io.read_image(tmp_path / "a.nii")
    assert image.dtype == np.float32
    np.testing.assert_allclose(image.data, values.T * 0.5 - 1000)


def test_converts_big_endian_values(tmp_path, values):
    header = nibabel.Nifti1Header(endianness=">")
    file = nibabel.Nifti1Image(values.astype(">i2"), AFFINE, header)
    nibabel.save(file, tmp_path / "a.nii")
    image = io.read_image(tmp_path / "a.nii")
    assert image.data.dtype.isnative
    np.testing.assert_array_equal(image.data, values.T)


@pytest.mark.parametrize(
    ("shape", "axes", "expected"),
    [
        ((5, 6), "YX", (6, 5)),
        ((5, 6, 1), "ZYX", (1, 6, 5)),
        ((5, 6, 1, 3), "TYX", (3, 6, 5)),
        ((5, 6, 4, 1), "TZYX", (1, 4, 6, 5)),
        ((5, 6, 4, 1, 2), "CZYX", (2, 4, 6, 5)),
    ],
)
def test_drops_axis_of_length_one_that_fills_a_gap(tmp_path, shape, axes, expected):
    nibabel.save(nibabel.Nifti1Image(np.ones(shape, np.int16), AFFINE), tmp_path / "a.nii")
    image = io.read_image(tmp_path / "a.nii")
    assert (image.axes, image.shape) == (axes, expected)


def test_rejects_rgb(tmp_path):
    rgb = np.zeros((4, 5, 3), dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
    nibabel.save(nibabel.Nifti1Image(rgb, AFFINE), tmp_path / "a.nii")
    with pytest.raises(InputError, match="RGB values; expected"):
        io.read_image(tmp_path / "a.nii")
    with pytest.raises(FileFormatError, match="RGB image"):
        io.write_image(tmp_path / "b.nii", Image(np.zeros((4, 5, 3), np.uint8), "YXS"))
    assert not (tmp_path / "b.nii").exists()


def test_rejects_complex_values(tmp_path):
    nibabel.save(nibabel.Nifti1Image(np.ones((4, 5, 3), np.complex64), AFFINE), tmp_path / "a.nii")
    with pytest.raises(InputError, match="complex64"):
        io.read_image(tmp_path / "a.nii")


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_rejects_truncated_file(tmp_path, values, suffix):
    path = tmp_path / f"a{suffix}"
    save(path, values)
    path.write_bytes(path.read_bytes()[:400])
    with pytest.raises(FileFormatError, match="^Got") as caught:
        io.read_image(path)
    assert "\n" not in str(caught.value)


def test_stores_the_report_as_a_comment(tmp_path):
    io.write_image(tmp_path / "a.nii.gz", Image(np.ones((4, 5)), "YX"), description='{"schema": 1}')
    (comment,) = nibabel.load(tmp_path / "a.nii.gz").header.extensions
    assert comment.get_content().startswith(b'{"schema": 1}')


@pytest.mark.parametrize("name", ["nibabel_example4d.nii.gz", "nibabel_anatomical.nii"])
def test_keeps_the_affine_of_real_files(shared_data, tmp_path, name):
    before = nibabel.load(shared_data / "medical" / name)
    image = io.read_image(shared_data / "medical" / name)
    io.write_image(tmp_path / name, image.with_data(image.data.astype(np.float32)))
    after = nibabel.load(tmp_path / name)
    np.testing.assert_allclose(after.affine, before.affine, atol=1e-5)
    np.testing.assert_array_equal(after.get_fdata(), before.get_fdata())
    assert after.header.get_zooms() == pytest.approx(before.header.get_zooms())


# Affines and their codes

MIRRORED = np.array([[2.0, 0, 0, -5], [0, 2.0, 0, 4], [0, 0, -3.0, 7], [0, 0, 0, 1]])
STANDARD = np.array([[-1.9, 0.2, 0, 80], [0.1, 2.1, 0.3, -60], [0, 0.2, 3.3, -9], [0, 0, 0, 1]])


def save_with(path, values, *, sform=(None, 0), qform=(None, 0), zooms=None, **fields):
    """Write a file with the given affines, codes and other header fields."""
    file = nibabel.Nifti1Image(values, None)
    file.header.set_zooms(zooms or (2.0, 2.0, 3.0, 1.5)[: values.ndim])
    file.header.set_qform(*qform)
    file.header.set_sform(*sform)
    for name, value in fields.items():
        file.header[name] = value
    nibabel.save(file, path)
    return path


def rewritten(tmp_path, path):
    """Return a file, and the file that results from reading and writing it."""
    image = io.read_image(path)
    io.write_image(tmp_path / "rewritten.nii", image.with_data(image.data.astype(np.float32)))
    return nibabel.load(path), nibabel.load(tmp_path / "rewritten.nii")


@pytest.mark.parametrize("matrix", [MIRRORED, MIRRORED @ np.diag([-1, 1, 1, 1])], ids=["+", "-"])
@pytest.mark.parametrize("sform_code", range(5))
@pytest.mark.parametrize("qform_code", range(5))
def test_affines_keep_their_codes(tmp_path, values, qform_code, sform_code, matrix):
    other = matrix + np.diag([0, 0, 0, 0])
    other[:3, 3] += 11
    path = save_with(
        tmp_path / "a.nii", values, qform=(matrix, qform_code), sform=(other, sform_code)
    )
    before, after = rewritten(tmp_path, path)
    image = io.read_image(path)
    np.testing.assert_allclose(image.affine, before.affine, atol=1e-4)
    np.testing.assert_allclose(after.affine, before.affine, atol=1e-4)
    for get in ("get_sform", "get_qform"):
        expected, code = getattr(before.header, get)(coded=True)
        found, same = getattr(after.header, get)(coded=True)
        assert code == same
        if expected is not None:
            np.testing.assert_allclose(found, expected, atol=1e-4)
    assert after.header.get_zooms() == pytest.approx(before.header.get_zooms())


def test_sform_takes_precedence_and_gives_the_voxel_size(tmp_path, values):
    path = save_with(tmp_path / "a.nii", values, qform=(MIRRORED, 1), sform=(STANDARD, 4))
    image = io.read_image(path)
    np.testing.assert_allclose(image.affine, STANDARD, atol=1e-4)
    assert image.voxel_size["X"] == pytest.approx(np.linalg.norm(STANDARD[:, 0]))
    assert "the sform is used" in image.warnings[0]


def test_without_codes_the_voxel_size_is_that_of_pixdim(tmp_path, values):
    image = io.read_image(save_with(tmp_path / "a.nii", values, xyzt_units=2))
    assert dict(image.voxel_size) == {"T": 1.5, "Z": 3.0, "Y": 2.0, "X": 2.0}
    assert image.affine_code == 0


def test_enlarged_image_keeps_its_position_in_the_affine(tmp_path, values):
    path = save_with(tmp_path / "a.nii", values, qform=(MIRRORED, 1), sform=(MIRRORED, 2))
    finer = io.read_image(path).enlarged({"Y": 2, "X": 2})
    io.write_image(tmp_path / "b.nii", finer.with_data(finer.data.astype(np.float32)))
    after = nibabel.load(tmp_path / "b.nii")
    corner = MIRRORED @ [-0.5, -0.5, 0, 1]
    for get in ("get_sform", "get_qform"):
        matrix, code = getattr(after.header, get)(coded=True)
        np.testing.assert_allclose(matrix @ [-0.5, -0.5, 0, 1], corner, atol=1e-4)
        assert code == (2 if get == "get_sform" else 1)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"sform_code": 1}, "sform is not an invertible matrix"),
        ({"qform_code": 1, "quatern_b": 2.0, "sform": (MIRRORED, 1)}, "qform is not valid"),
        ({"xyzt_units": 4}, "code of the units is not valid"),
        ({"xyzt_units": 2 + 32}, "unit of frequency"),
    ],
    ids=["sform 0", "quaternion", "unit", "frequency"],
)
def test_warns_of_invalid_header_fields(tmp_path, values, fields, words):
    image = io.read_image(save_with(tmp_path / "a.nii", values, **fields))
    assert words in " ".join(image.warnings)
    np.testing.assert_array_equal(image.data, values.T)
    if "frequency" in words:
        assert "T" not in image.voxel_size


# Units


@pytest.mark.parametrize("space", ["unknown", "meter", "mm", "micron"])
@pytest.mark.parametrize("time", ["unknown", "sec", "msec", "usec"])
def test_keeps_units_and_time_of_the_first_frame(tmp_path, values, space, time):
    code = nibabel.nifti1.unit_codes
    path = save_with(tmp_path / "a.nii", values, xyzt_units=code[space] + code[time], toffset=0.25)
    before, after = rewritten(tmp_path, path)
    assert after.header.get_xyzt_units() == (space, time)
    assert after.header.get_zooms() == pytest.approx(before.header.get_zooms())
    assert float(after.header["toffset"]) == 0.25
    assert dict(io.read_image(path).position) == {"T": 0.25}


@pytest.mark.parametrize(("unit", "seconds"), [("minute", 60), ("hour", 3600)])
def test_converts_minutes_and_hours_to_seconds(tmp_path, unit, seconds):
    image = Image(np.ones((3, 4, 5), np.float32), "TYX", {"T": 2.0}, {"T": unit})
    io.write_image(tmp_path / "a.nii", image)
    back = io.read_image(tmp_path / "a.nii")
    assert (dict(back.voxel_size), dict(back.units)) == ({"T": 2.0 * seconds}, {"T": "second"})


# Values


@pytest.mark.parametrize(
    ("slope", "inter"), [(0.0, 5.0), (np.nan, np.nan), (np.nan, 3.0), (np.inf, 0.0)]
)
def test_ignores_invalid_slope(tmp_path, values, slope, inter):
    path = save_with(tmp_path / "a.nii", values)
    content = bytearray(path.read_bytes())
    content[112:120] = np.array([slope, inter], "<f4").tobytes()  # scl_slope, scl_inter
    path.write_bytes(bytes(content))
    image = io.read_image(path)
    assert image.dtype == np.int16
    np.testing.assert_array_equal(image.data, values.T)


def test_rejects_slope_without_intercept(tmp_path, values):
    path = save_with(tmp_path / "a.nii", values)
    content = bytearray(path.read_bytes())
    content[112:120] = np.array([2.0, np.nan], "<f4").tobytes()
    path.write_bytes(bytes(content))
    with pytest.raises(FileFormatError, match="invalid intercept"):
        io.read_image(path)


@pytest.mark.parametrize("dtype", ["i1", "u1", "u2", "i4", "u4", "i8", "f4", "f8"])
def test_reads_every_data_type_unchanged(tmp_path, values, dtype):
    numbers = values.astype(dtype)
    nibabel.save(nibabel.Nifti1Image(numbers, AFFINE, dtype=numbers.dtype), tmp_path / "a.nii")
    image = io.read_image(tmp_path / "a.nii")
    assert image.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(image.data, numbers.T)


def test_nifti_with_nan_affine_has_no_affine(tmp_path):
    nibabel.save(nibabel.Nifti1Image(np.ones((8, 9), np.int16), np.eye(4)), tmp_path / "a.nii")
    content = bytearray((tmp_path / "a.nii").read_bytes())
    struct.pack_into("<f", content, 280, float("nan"))  # an entry of the affine
    (tmp_path / "a.nii").write_bytes(content)
    assert io.read_image(tmp_path / "a.nii").affine is None
