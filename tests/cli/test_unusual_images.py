"""Unusual images on the command line: types, sizes, missing pixels, no noise."""

from __future__ import annotations

import json

import numpy as np
import pytest

from napari_dip.core.image.image import Image
from napari_dip.io import images as io
from tests.tiny import noisy_waves, waves


@pytest.mark.parametrize("dtype", ["bool", "uint8", "uint16", "int32", "float16", "float64"])
def test_restores_every_real_dtype(call, tmp_path, dtype):
    np.save(tmp_path / "image.npy", noisy_waves((16, 16)).astype(dtype))
    code, _, err = call("denoise", "image.npy", "--config", "tiny.json", "-o", "out.tif")
    assert (code, err) == (0, "")
    assert io.read_image(tmp_path / "out.tif").dtype == np.float32


@pytest.mark.parametrize("shape", [(1, 40), (3, 3), (17, 5)])
def test_restores_every_image_size(call, tmp_path, shape):
    np.save(tmp_path / "image.npy", noisy_waves(shape))
    code, _, err = call("denoise", "image.npy", "--config", "tiny.json", "-o", "out.npy")
    assert (code, err) == (0, "")
    assert io.read_image(tmp_path / "out.npy").shape == shape


def test_missing_pixels_are_filled_and_counted(call, tmp_path):
    values = noisy_waves((16, 16))
    values[4:6, 4] = np.nan
    np.save(tmp_path / "image.npy", values)
    _, out, _ = call("denoise", "image.npy", "--config", "tiny.json", "-o", "out.npy", "--json")
    assert json.loads(out)["input"]["invalid_pixels"] == 2
    assert np.isfinite(np.load(tmp_path / "out.npy")).all()


def test_constant_image_is_returned_unchanged(call, tmp_path):
    np.save(tmp_path / "image.npy", np.full((8, 8), 7.0))
    code, out, _ = call("denoise", "image.npy", "-o", "out.npy", "--json")
    assert code == 0
    assert json.loads(out)["stop_reason"] == "constant_image"
    assert (np.load(tmp_path / "out.npy") == 7).all()


def test_noise_free_image_is_returned_unchanged(call, tmp_path):
    picture = np.rint(waves((64, 64))).astype(np.uint8)
    np.save(tmp_path / "image.npy", picture)
    code, out, err = call("denoise", "image.npy", "-o", "out.npy", "--reference", "image.npy")
    assert code == 0
    assert "no_noise" in out
    assert "equal to the reference" in out
    assert "hardly any noise" in err
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), picture)


def test_blank_frames_are_returned_unchanged_with_a_warning(call, tmp_path):
    frames = (np.stack([noisy_waves((16, 16))] * 4)).astype(np.uint16)
    frames[1:3] = [[[0]], [[7]]]
    io.write_image(tmp_path / "in.tif", Image(frames, "TYX"))
    code, out, err = call("denoise", "in.tif", "--config", "tiny.json", "-o", "out.tif", "--json")
    assert code == 0
    assert "one value only: 2 of 4 (T 1, T 2; counted from 0)" in err
    assert json.loads(out)["constant"]["planes"] == [{"T": 1}, {"T": 2}]
    np.testing.assert_array_equal(io.read_image(tmp_path / "out.tif").data[1:3], frames[1:3])
