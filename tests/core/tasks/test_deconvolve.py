"""Deconvolution: PSFs, refinement and results."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

import napari_dip
from napari_dip import restore
from napari_dip.api import finish
from napari_dip.core.image.image import Image, as_image
from napari_dip.core.operators.psf.kernel import gaussian_psf
from napari_dip.core.tasks import (
    Deconvolve,
    SuperResolve,
)
from napari_dip.errors import InputError
from tests.core.tasks.conftest import blobs, rmse, run
from tests.tiny import tiny_config, waves


def test_result_is_sharper_than_the_image():
    points = np.zeros((48, 48))
    points[np.random.default_rng(0).random(points.shape) < 0.02] = 1000
    truth = ndimage.gaussian_filter(points, 1)
    blurred = ndimage.gaussian_filter(truth, 2, mode="constant")
    result = napari_dip.deconvolve(blurred, sigma=2.0, config=tiny_config(400))
    assert rmse(result, truth) < 0.85 * rmse(blurred, truth)


@pytest.mark.parametrize(
    ("task", "words"),
    [
        (Deconvolve(), "no PSF"),
        (Deconvolve(np.ones((3, 3)), sigma=1.0), "more than one"),
        (Deconvolve(np.ones((3, 3, 3))), "expected an axis Z"),
        (Deconvolve(np.ones((99, 99))), "twice as wide"),
        (Deconvolve(sigma={"z": 1.0}), "expected an axis Z"),
        (Deconvolve(sigma={"t": 1.0}), "along y, x"),
        (SuperResolve({"z": 2}), "expected an axis Z"),
        (Deconvolve(na=1.4, wavelength=0.52), "voxel size"),
        (Deconvolve(na=1.4), "expected both"),
        (Deconvolve(sigma=1.0, wavelength=0.52), "more than one"),
        (Deconvolve(np.ones((3, 3)), refine_psf=True), "no Gaussian"),
    ],
)
def test_rejects_missing_contradicting_and_unsuitable_psfs(task, words):
    with pytest.raises(InputError, match=words):
        run(waves((24, 20)), task)


def test_optics_use_the_voxel_size_of_image_or_configuration():
    image = Image(waves((24, 20)), "YX", {"Y": 0.1, "X": 0.1})
    task = Deconvolve(na=1.2, wavelength=0.52)
    one = run(image, task).image
    config = tiny_config(3, voxel_size={"y": 0.1, "x": 0.1})
    two = run(waves((24, 20)), task, config).image
    np.testing.assert_array_equal(one.data, two.data)
    assert two.voxel_size == {"Y": 0.1, "X": 0.1}
    three = napari_dip.deconvolve(waves((24, 20)), na=1.2, wavelength=0.52, config=config)
    np.testing.assert_array_equal(three, two.data)


def test_optics_give_a_psf_of_volumes():
    image = Image(blobs((7, 24, 20)), "ZYX", {"Z": 0.3, "Y": 0.1, "X": 0.1})
    task = Deconvolve(na=1.2, wavelength=0.52)
    assert task.dims == 2
    operator = task.operator(image, "ZYX")
    assert operator.estimate_shape((7, 24, 20))[0] == 13
    assert run(image, task, tiny_config(2, dims=3)).image.shape == (7, 24, 20)


def widths_found(guess, blur):
    """Return the fitted widths of the PSF for a picture of known blur."""
    points = np.zeros((64, 64))
    points[tuple(np.random.default_rng(0).integers(2, 62, (2, 60)))] = 500
    blurred = ndimage.gaussian_filter(points + waves(), blur, mode="nearest")
    noisy = blurred + np.random.default_rng(1).normal(0, 1, blurred.shape)
    task = Deconvolve(sigma=guess, refine_psf=True)
    found = run(noisy, task, tiny_config(400, stop="none")).report.diagnostics
    return {name: width for name, width in found.items() if name.startswith("psf")}


def test_refines_a_psf_that_is_too_wide_along_both_axes():
    found = widths_found(1.95, blur=1.5)
    assert set(found) == {"psf_sigma_y", "psf_sigma_x"}
    assert all(abs(width - 1.5) < 0.25 for width in found.values())


def test_refines_only_axes_with_a_blur():
    assert set(widths_found({"y": 1.95}, blur=(1.5, 0))) == {"psf_sigma_y"}


def test_every_fit_starts_from_the_initial_width():
    operator = Deconvolve(sigma=1.5, refine_psf=True).operator(as_image(waves((24, 20))), "YX")
    one, two = (operator.fresh(torch.device("cpu")) for _ in range(2))
    with torch.no_grad():
        one.parameters()[0].add_(1)
    assert one.findings()["psf_sigma_y"] == pytest.approx(1.5 * np.e)
    assert (
        two.findings()
        == operator.findings()
        == pytest.approx({"psf_sigma_y": 1.5, "psf_sigma_x": 1.5})
    )


@pytest.mark.parametrize(
    "task",
    [
        Deconvolve(sigma={"z": 1.5, "y": 1.0, "x": 1.0}),
        Deconvolve(np.ones((5, 3, 3))),
    ],
    ids=["sigma", "psf"],
)
def test_deblurs_volumes_in_three_dimensions(task):
    truth = blobs((8, 16, 14))
    operator = task.operator(as_image(truth), "ZYX")
    margins = np.subtract(operator.estimate_shape(truth.shape), truth.shape) // 2
    whole = torch.from_numpy(np.pad(truth, [(n, n) for n in margins], mode="edge"))
    blurred = operator(whole[None, None])[0, 0].numpy()
    result = run(blurred, task, tiny_config(70, dims=None, stop="none"))
    assert result.report.config.dims == 3
    assert rmse(result.image.data, truth) < rmse(blurred, truth)


@pytest.mark.parametrize("shape", [(48, 44), (6, 20, 18)])
def test_fit_of_photons_is_sharper_not_negative_and_resumes(shape):
    truth = np.ones(shape)
    truth[tuple(slice(n // 3, 2 * n // 3) for n in shape)] = 200
    noisy = np.random.default_rng(0).poisson(ndimage.gaussian_filter(truth, 1.5))
    task = Deconvolve(gaussian_psf((1.5,) * len(shape)))
    config = tiny_config(8, "sharpened", dims=len(shape), noise="poisson", gain=1.0)
    stopping = config.fit.stopping.model_copy(update={"heldout_fraction": 0.1})
    fit = config.fit.model_copy(update={"stopping": stopping})
    config = config.model_copy(update={"fit": fit})
    image = Image(noisy.astype(np.float32), "ZYX"[-len(shape) :])
    once = run(image, task, config)
    assert np.asarray(once.image.data).min() >= 0
    assert rmse(np.asarray(once.image.data), truth) < 0.9 * rmse(noisy, truth)
    assert once.report.diagnostics["richardson_lucy_iterations"] >= 1
    half = config.model_copy(update={"max_iterations": 4})
    first = finish(restore(image, task, half, keep_state=True))
    again = finish(restore(image, task, half, continue_from=first))
    np.testing.assert_allclose(again.image.data, once.image.data, rtol=1e-5, atol=1e-4)
