"""Metadata of a file are kept in results of the command line, of a batch and of Python."""

from __future__ import annotations

import json

import nibabel
import numpy as np
import pytest
import zarr
from PIL import Image as Picture

from napari_dip.api import finish
from napari_dip.cli import main as cli
from napari_dip.core.image.image import Image
from napari_dip.core.restoration.restore import restore
from napari_dip.io import images as io
from tests.io.dicom.files import save as save_dicom
from tests.io.test_raster import ORIENTATION, save_png
from tests.tiny import noisy_waves, tiny_config

NOISY = np.clip(noisy_waves((24, 20)), 1, 250)


def field(folder):
    """Write one field of a tile scan."""
    group = zarr.create_group(str(folder / "a.zarr"), zarr_format=2)
    group.create_array("0", shape=(2, 24, 20), dtype="f4")[...] = np.stack([NOISY, NOISY[::-1]])
    places = [
        {"type": "scale", "scale": [1.0, 0.5, 0.5]},
        {"type": "translation", "translation": [0.0, 120.0, -240.0]},
    ]
    space = {"type": "space", "unit": "micrometer"}
    group.attrs.update(
        {
            "multiscales": [
                {
                    "version": "0.4",
                    "axes": [
                        {"name": "c", "type": "channel"},
                        *({"name": n, **space} for n in "yx"),
                    ],
                    "datasets": [{"path": "0", "coordinateTransformations": places}],
                }
            ],
            "omero": {"channels": [{"label": name, "color": "00FF00"} for name in ("DAPI", "GFP")]},
        }
    )
    return folder / "a.zarr"


def is_field(image, report):
    assert dict(image.position) == {"Y": 120.0, "X": -240.0}
    assert image.channel_names == ("DAPI", "GFP")
    assert image.channel_colours == ("00FF00", "00FF00")
    assert dict(image.voxel_size) == {"Y": 0.5, "X": 0.5}


def deep(folder):
    """Write an RGB PNG of 16 bits per sample whose upper bytes are equal."""
    return save_png(folder / "a.png", np.stack([30000 + NOISY] * 3, -1).astype(np.uint16))


def is_deep(image, report):
    assert report["input"]["dtype"] == "uint16"
    assert 30000 < np.asarray(image.data).min()
    assert np.asarray(image.data).max() < 30256


def turned(folder):
    """Write a rotated JPEG with the tag that turns it upright."""
    picture = Picture.fromarray(np.rot90(NOISY).astype(np.uint8))
    tag = picture.getexif()
    tag[ORIENTATION] = 6
    picture.save(folder / "a.jpg", exif=tag)
    return folder / "a.jpg"


def is_turned(image, report):
    assert image.shape == NOISY.shape
    assert np.corrcoef(np.ravel(image.data), NOISY.ravel())[0, 1] > 0.5


def volume(folder):
    """Write a NIfTI file with two affines."""
    file = nibabel.Nifti1Image(np.stack([NOISY.T] * 2, -1).astype(np.int16), None)
    file.header.set_xyzt_units("mm")
    file.header.set_qform(np.diag([-2.0, 2, 3, 1]), 1)
    file.header.set_sform(np.diag([-2.0, 2, 3, 1]), 4)
    nibabel.save(file, folder / "a.nii")
    return folder / "a.nii"


def is_volume(image, report):
    assert (image.affine_code, image.qform[0]) == (4, 1)
    np.testing.assert_allclose(image.affine, np.diag([-2.0, 2, 3, 1]))
    assert set(image.units.values()) == {"millimeter"}


def padded(folder):
    """Write a DICOM file whose first row is padding."""
    pixels = NOISY.astype(np.uint16)
    pixels[0] = 4000
    return save_dicom(folder / "a.dcm", pixels=pixels, PixelPaddingValue=4000)


def is_padded(image, report):
    assert report["input"]["invalid_pixels"] == NOISY.shape[1]
    assert "padding value" in " ".join(report["warnings"])
    assert np.asarray(image.data).max() < 1000
    assert dict(image.voxel_size) == {"Y": 0.5, "X": 0.25}


def by_command(path, suffix):
    out = path.parent / f"out{suffix}"
    assert cli.main(["denoise", str(path), "-o", str(out), "--config", "tiny.json"]) == 0
    return out


def by_batch(path, suffix):
    words = ["batch", str(path), "-o", "folder", "--suffix", suffix, "--config", "tiny.json"]
    assert cli.main(words) == 0
    return path.parent / "folder" / f"a_denoise{suffix}"


@pytest.mark.parametrize(
    ("make", "holds", "suffix"),
    [
        (field, is_field, ".ome.zarr"),
        (field, is_field, ".ome.tif"),
        (deep, is_deep, ".png"),
        (turned, is_turned, ".png"),
        (volume, is_volume, ".nii.gz"),
        (padded, is_padded, ".ome.tif"),
    ],
    ids=["zarr", "zarr to tiff", "png", "jpeg", "nifti", "dicom"],
)
@pytest.mark.parametrize("way", [by_command, by_batch])
def test_result_keeps_the_metadata_of_the_file(tmp_path, monkeypatch, way, make, holds, suffix):
    monkeypatch.chdir(tmp_path)
    tmp_path.joinpath("tiny.json").write_text(tiny_config(30).model_dump_json())
    out = way(make(tmp_path), suffix)
    result, report = io.read_image(out), json.loads(out.with_name(f"{out.name}.json").read_text())
    assert report["input"]["axes"] == result.axes
    holds(result, report)


@pytest.mark.parametrize(
    ("make", "holds"),
    [(field, is_field), (volume, is_volume), (padded, is_padded), (turned, is_turned)],
)
def test_result_in_python_keeps_the_metadata_of_the_file(tmp_path, make, holds):
    result = finish(restore(io.read_image(make(tmp_path)), config=tiny_config(30)))
    assert isinstance(result.image, Image)
    holds(result.image, result.report.as_json())
