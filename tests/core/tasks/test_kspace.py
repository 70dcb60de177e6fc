"""Reconstruction from undersampled k-space."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage.io import imread

import napari_dip
from napari_dip.config import DipConfig
from napari_dip.core.image.image import as_image
from napari_dip.core.operators.kspace import least_variation
from napari_dip.core.restoration.restore import restore
from napari_dip.core.tasks import (
    ReconstructKSpace,
)
from napari_dip.errors import InputError
from tests.core.tasks.conftest import rmse, run
from tests.tiny import tiny_config, waves


def columns(size=64, share=0.4, middle=8):
    """Return the recorded columns of k-space: the middle ones, and random others."""
    recorded = np.random.default_rng(0).random(size) < share
    recorded[(size - middle) // 2 : (size + middle) // 2] = True
    return recorded


def scene():
    """Return a picture with edges."""
    picture = waves()
    picture[16:40, 20:44] += 200
    return picture


@pytest.mark.parametrize(("latent", "iterations"), [("noise", 500), ("observation", 30)])
def test_fills_missing_frequencies_and_keeps_recorded_ones(latent, iterations):
    truth, task = scene(), ReconstructKSpace(columns())
    zero_filled = task.observe(as_image(truth)).data
    config = tiny_config(iterations, latent=latent, stop="none")
    result = napari_dip.reconstruct_fourier(truth, columns(), config=config)
    assert rmse(result, truth) < 0.9 * rmse(zero_filled, truth)
    again = task.observe(as_image(result)).data
    np.testing.assert_allclose(again, zero_filled, atol=0.01)


@pytest.mark.parametrize("coils", [1, 3])
def test_kspace_of_coils_becomes_a_magnitude(coils):
    truth, mask = scene(), columns()
    phase = np.exp(1j * np.mgrid[:64, :64][1] / 20)
    sensitivity = np.stack([np.linspace(0.2, 1, 64) ** n * phase for n in range(coils)])
    centred = np.fft.ifftshift(truth * sensitivity, (-2, -1))
    kspace = np.fft.fftshift(np.fft.fft2(centred, norm="ortho"), (-2, -1))
    whole = (
        ReconstructKSpace.of_kspace(kspace)[0].final(ReconstructKSpace.of_kspace(kspace)[1]).data
    )
    np.testing.assert_allclose(whole, np.sqrt((np.abs(truth * sensitivity) ** 2).sum(axis=0)))
    task, image = ReconstructKSpace.of_kspace(kspace, mask)
    config = tiny_config(500, latent="noise", stop="none")
    result = napari_dip.reconstruct_fourier(kspace, mask, config=config)
    assert result.shape == (64, 64)
    assert rmse(result, whole) < 0.85 * rmse(task.final(image).data, whole)


def seen_by(maps, picture):
    """Return the k-space of a picture, (coils, Y, X), zero frequency in the middle."""
    centred = np.fft.ifftshift(picture * maps, (-2, -1))
    return np.fft.fftshift(np.fft.fft2(centred, norm="ortho"), (-2, -1))


def smooth_maps(coils=4, size=64):
    """Return the sensitivities of coils around the field of view."""
    y, x = np.mgrid[:size, :size] / size - 0.5
    angles = 2 * np.pi * np.arange(coils)[:, None, None] / coils
    distance = (y - np.sin(angles) / 2) ** 2 + (x - np.cos(angles) / 2) ** 2
    return np.exp(-2 * distance + 1j * angles * (1 + x))


@pytest.mark.parametrize(("latent", "iterations"), [("noise", 800), ("observation", 20)])
def test_maps_give_one_image_for_all_coils(latent, iterations):
    truth, maps = scene(), smooth_maps()
    aliased = np.arange(64) % 2 == 0  # the maps separate the aliased halves
    kspace = seen_by(maps, truth)
    config = tiny_config(iterations, latent=latent, stop="none")
    with_maps = napari_dip.reconstruct_fourier(kspace, aliased, maps=maps, config=config)
    task, image = ReconstructKSpace.of_kspace(kspace, aliased, maps=maps)
    zero_filled = task.final(task.enlarged(image)).data
    assert with_maps.shape == (64, 64)
    assert rmse(with_maps, truth) < 0.6 * rmse(zero_filled, truth)
    whole = ReconstructKSpace.of_kspace(kspace, maps=maps)
    np.testing.assert_allclose(whole[0].final(whole[0].enlarged(whole[1])).data, truth, rtol=1e-5)


def test_compares_a_magnitude_with_a_real_reference():
    truth, maps = scene(), smooth_maps()
    for given in (None, maps):
        task, image = ReconstructKSpace.of_kspace(seen_by(maps, truth), columns(), maps=given)
        steps = restore(image, task, tiny_config(4, latent="noise"), reference=truth)
        report = napari_dip.api.finish(steps).report
        assert report.psnr is not None
        assert report.best_psnr is not None


@pytest.mark.parametrize(
    "maps", [np.ones((2, 64, 64)), np.zeros((4, 64, 64)), np.full((4, 64, 64), np.nan)]
)
def test_rejects_invalid_maps(maps):
    with pytest.raises(InputError, match="sensitivity maps"):
        ReconstructKSpace.of_kspace(seen_by(smooth_maps(), scene()), maps=maps)
    with pytest.raises(InputError, match="real image"):
        napari_dip.reconstruct_fourier(scene(), columns(), maps=maps)


@pytest.mark.parametrize("complex_numbers", [False, True])
def test_known_noise_of_frequencies_is_removed(complex_numbers):
    truth, sigma = scene(), 20.0
    noise = np.random.default_rng(0).normal(0, sigma, (2, 64, 64))
    noisy = truth + noise[0] + (1j * noise[1] if complex_numbers else 0)
    recorded = noisy
    if complex_numbers:
        recorded = np.fft.fftshift(np.fft.fft2(np.fft.ifftshift(noisy), norm="ortho"))
    config = tiny_config(20, stop="none")
    trusted, known = (
        config.model_copy(update={"noise": "gaussian", "sigma_noise": level})
        for level in (0.01, sigma)
    )
    errors = [
        rmse(napari_dip.reconstruct_fourier(recorded, columns(), config=choice), truth)
        for choice in (trusted, known, config)
    ]
    assert max(errors[1:]) < 0.8 * errors[0]


def test_reports_noise_found_in_kspace():
    noisy = scene() + np.random.default_rng(0).normal(0, 20.0, scene().shape)
    reports = [
        run(image, ReconstructKSpace(columns()), tiny_config(2)).report
        for image in (noisy, scene())
    ]
    assert reports[0].noise.sigma == pytest.approx(20, rel=0.15)
    assert [any("outermost" in text for text in report.warnings) for report in reports] == [
        True,
        False,
    ]


@pytest.mark.parametrize("noise", ["poisson", "poisson-gaussian"])
def test_rejects_noise_models_of_photons(noise):
    with pytest.raises(InputError, match="k-space"):
        run(scene(), ReconstructKSpace(columns()), tiny_config(2, noise=noise))


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        (None, "no mask"),
        (np.ones((5, 5)), "same shape"),
        (np.eye(24, 20, 3), "zero frequency"),
    ],
)
def test_rejects_masks_without_zero_frequency_or_of_another_shape(mask, words):
    with pytest.raises(InputError, match=words):
        run(waves((24, 20)), ReconstructKSpace(mask))


def test_rejects_real_and_infinite_kspace():
    with pytest.raises(InputError, match="complex"):
        ReconstructKSpace.of_kspace(waves())
    with pytest.raises(InputError, match="finite"):
        ReconstructKSpace.of_kspace(np.full((8, 8), np.nan + 0j))
    with pytest.raises(InputError, match="finite"):
        run(np.full((24, 20), np.nan), ReconstructKSpace(np.ones(20)))


@pytest.mark.parametrize(("brain", "mask"), [("25", "gauss2d_30"), ("45", "gauss1d_30")])
def test_brain_is_better_than_total_variation(shared_data, brain, mask):
    folder = shared_data / "medical"
    truth = imread(folder / f"brain_test_{brain}.png")[64:192, 64:192].astype(float)
    recorded = imread(folder / "masks" / f"kspace_{mask}.png")[::2, ::2] > 0
    task = ReconstructKSpace(recorded)
    zero_filled = task.observe(as_image(truth)).data
    operator = task.operator(as_image(truth), "YX")
    spectrum, known = operator.measured(torch.from_numpy(zero_filled)[None, None], torch.ones(1))
    plain = least_variation(operator, spectrum.float() / 255, known.float())[0, 0].numpy() * 255
    config = DipConfig(preset="fast", device="cpu", precision="float32")
    result = napari_dip.reconstruct_fourier(truth, recorded, config=config)
    errors = {
        name: rmse(one, truth)
        for name, one in {"zero-filled": zero_filled, "tv": plain, "result": result}.items()
    }
    print(
        brain,
        mask,
        {name: f"{20 * np.log10(255 / error):.2f} dB" for name, error in errors.items()},
    )
    assert errors["result"] < 0.9 * errors["zero-filled"]
    assert errors["result"] < errors["tv"]
