"""Images restored by every baseline for a task."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from napari_dip.compare.baselines import available_baselines
from napari_dip.compare.run import compare
from napari_dip.compare.stabilise import stabilise, unstabilise
from napari_dip.core.image.image import Image
from napari_dip.core.tasks import (
    Deconvolve,
    Denoise,
    Inpaint,
    ReconstructKSpace,
    SuperResolve,
)
from tests.tiny import noisy_waves, waves

SHAPE = (48, 48)


MISSING = np.random.default_rng(0).random(SHAPE) < 0.3


def rows_of(observed, truth, axes="YX", task=None, dims=2):
    return list(compare(Image(observed, axes), Image(truth, axes), task, dims))


def error(estimate, truth):
    return float(np.mean((np.asarray(estimate) - truth) ** 2))


def stacked(planes, axes):
    if axes == "YX":
        return planes[0]
    count = 3 if axes == "YXS" else 2
    return np.stack(planes[:count], axis=-1 if axes == "YXS" else 0)


@pytest.mark.parametrize(
    ("axes", "dims"), [("YX", 2), ("ZYX", 2), ("YXS", 2), ("CYX", 2), ("ZYX", 3)]
)
def test_every_baseline_removes_noise(axes, dims):
    noisy = stacked([noisy_waves(SHAPE, 20.0 + index) for index in range(3)], axes)
    truth = stacked([waves(SHAPE)] * 3, axes)
    rows = rows_of(noisy, truth, axes, dims=dims)
    expected = [one.name for one in available_baselines() if not one.least_planes]
    assert [row.name for row in rows] == expected
    for row in rows:
        assert row.image.axes == axes
        assert error(row.image.data, truth) < 0.6 * error(noisy, truth), row.name
        assert row.psnr is not None


def test_stabilised_bm3d_beats_bm3d_for_photon_noise():
    pytest.importorskip("bm3d", reason="an extra")
    truth = 2 + 40 * (waves((64, 64)) - waves((64, 64)).min())
    noisy = np.random.default_rng(0).poisson(truth / 20) * 20.0
    errors = {row.name: error(row.image.data, truth) for row in rows_of(noisy, truth)}
    assert errors["BM3D stabilised"] < 0.9 * errors["BM3D"]


@pytest.mark.parametrize("photons", [5, 50])
def test_stabilised_noise_has_deviation_one_and_its_mean_is_recovered(photons):
    slope, read_noise = 20.0, 30.0
    random = np.random.default_rng(0)
    noisy = slope * random.poisson(photons, 100_000) + random.normal(0, read_noise, 100_000)
    stable = stabilise(noisy, slope, read_noise**2)
    assert stable.std() == pytest.approx(1, abs=0.05)
    assert unstabilise(stable.mean(), slope, read_noise**2) == pytest.approx(
        slope * photons, rel=0.01
    )


@pytest.mark.parametrize(("axes", "dims"), [("YX", 2), ("YXS", 2), ("ZYX", 3)])
def test_fills_missing_pixels_and_keeps_known_ones(axes, dims):
    truth = stacked([waves(SHAPE)] * 3, axes)
    mask = MISSING[..., None] if axes == "YXS" else MISSING
    missing = np.broadcast_to(mask, truth.shape)
    rows = rows_of(np.where(missing, 1e4, truth), truth, axes, Inpaint(MISSING), dims)
    assert rows
    for row in rows:
        filled = np.asarray(row.image.data)
        np.testing.assert_array_equal(filled[~missing], truth[~missing].astype(np.float32))
        assert np.abs(filled - truth).max() < 15


@pytest.mark.parametrize("factor", [2, 3])
@pytest.mark.parametrize("axes", ["YX", "YXS"])
def test_enlarged_image_is_aligned_with_the_truth(factor, axes):
    truth = stacked([waves(SHAPE)] * 3, axes)
    blocks = waves(SHAPE).reshape(48 // factor, factor, -1, factor).mean(axis=(1, 3))
    rows = rows_of(stacked([blocks] * 3, axes), truth, axes, SuperResolve(factor))
    assert len(rows) >= 2
    for row in rows:
        assert row.image.shape == truth.shape
        # Half a pixel off would be an error of up to 3.
        assert error(row.image.data, truth) < 1.0, row.name


def test_super_resolution_along_z_inserts_planes():
    truth = np.stack([waves(SHAPE) + 3 * z for z in range(12)])
    coarse = truth.reshape(4, 3, *SHAPE).mean(axis=1)
    rows = rows_of(coarse, truth, "ZYX", SuperResolve({"z": 3}), 3)
    for row in rows:
        assert row.image.shape == truth.shape
        assert np.abs(np.asarray(row.image.data)[3:9] - truth[3:9]).max() < 1.0


@pytest.mark.parametrize(("axes", "dims"), [("YX", 2), ("YXS", 2), ("ZYX", 2), ("ZYX", 3)])
@pytest.mark.parametrize("offset", [0.0, -40.0])
def test_every_richardson_lucy_method_sharpens(axes, dims, offset):
    sharp = 100.0 * (waves(SHAPE) > 110) + 20
    blurred = ndimage.gaussian_filter(sharp, 1.5)
    noisy = blurred + np.random.default_rng(0).normal(0, 1, SHAPE)
    truth = stacked([sharp] * 3, axes) + offset
    observed = stacked([noisy] * 3, axes) + offset
    rows = rows_of(observed, truth, axes, Deconvolve(sigma=1.5), dims)
    assert len(rows) == 3
    for row in rows:
        assert error(row.image.data, truth) < 0.85 * error(observed, truth), row.name


def test_zero_filling_keeps_missing_frequencies_zero():
    task = ReconstructKSpace(np.arange(48) % 2 == 0)
    (row,) = rows_of(waves(SHAPE), waves(SHAPE), task=task)
    expected = task.observe(Image(waves(SHAPE), "YX")).data
    np.testing.assert_allclose(row.image.data, expected, atol=0.01)


@pytest.mark.parametrize("task", [Denoise(), SuperResolve(2), Deconvolve(sigma=1.0)])
def test_baselines_keep_a_constant_image(task):
    rows = list(compare(Image(np.full((16, 16), 7, np.uint16), "YX"), task=task))
    assert rows
    assert all((np.asarray(row.image.data) == 7).all() for row in rows)


def test_bm4d_restores_volumes_better_than_bm3d_restores_planes():
    pytest.importorskip("bm4d", reason="an extra")
    truth = np.stack([waves(SHAPE)] * 8)
    noisy = truth + np.random.default_rng(0).normal(0, 20, truth.shape)
    errors = {row.name: error(row.image.data, truth) for row in rows_of(noisy, truth, "ZYX")}
    assert errors["BM4D stabilised"] < 0.9 * errors["BM3D stabilised"]


@pytest.mark.parametrize("axes", ["YX", "ZYX"])
def test_bm4d_is_left_out_for_fewer_than_five_planes(axes):
    rows = rows_of(stacked([noisy_waves(SHAPE)] * 2, axes), stacked([waves(SHAPE)] * 2, axes), axes)
    assert not any(row.name.startswith("BM4D") for row in rows)
