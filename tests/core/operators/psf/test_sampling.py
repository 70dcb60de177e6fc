"""PSF with another voxel size than the image."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage
from scipy.special import erf

from napari_dip.core.image.image import Image
from napari_dip.core.operators.psf.kernel import centred_psf
from napari_dip.core.operators.psf.sampling import psf_on_grid, sampling_remark, spatial_psf
from napari_dip.core.tasks import Deconvolve
from napari_dip.errors import InputError
from napari_dip.metrics import psnr
from tests.core.tasks.conftest import run
from tests.tiny import tiny_config

UM = dict.fromkeys("ZYX", "micrometer")
STACK = Image(np.zeros((15, 40, 40)), "ZYX", {"Z": 0.3, "Y": 0.1, "X": 0.1}, UM)


def line(n, step, sigma, shift=0.0):
    """Return a Gaussian of width sigma [micrometre], summed over voxels of size `step`."""
    edges = (np.arange(n + 1) - n / 2 + shift) * step
    return np.diff(erf(edges / sigma / np.sqrt(2))) / 2


def gaussian(step=0.1, planes=25, pixel=0.1, n=21, units=UM, axes="ZYX", shift=0.0):
    """Return a Gaussian PSF of width 0.3 micrometre along Z and 0.1 along Y and X."""
    flat = line(n, pixel, 0.1)
    volume = line(planes, step, 0.3, shift)[:, None, None] * flat[:, None] * flat
    values = 900 * volume + 100  # background of a camera
    sizes = {"Z": step, "Y": pixel, "X": pixel}
    return Image(values.transpose(["ZYX".index(axis) for axis in axes]), axes, sizes, units)


def moments(psf):
    """Return mean and variance along the first axis [voxels from the centre]."""
    light = psf.sum(axis=(1, 2))
    at = np.arange(len(light)) - len(light) // 2
    mean = (light * at).sum()
    return mean, (light * at**2).sum() - mean**2


@pytest.mark.parametrize(
    "psf",
    [
        gaussian(0.1),
        gaussian(0.05, planes=51),
        gaussian(0.2, planes=13),
        gaussian(100.0, units=dict.fromkeys("ZYX", "nanometer"), pixel=100.0),
        gaussian(0.1, axes="XYZ"),
        gaussian(0.1, planes=26),
        gaussian(0.1, shift=0.4),
        gaussian(0.3, pixel=0.05, n=41, planes=9),
        gaussian(0.1, pixel=0.15, n=15),
    ],
    ids=["0.1", "0.05", "0.2", "nm", "XYZ", "even", "between planes", "pixels", "both"],
)
def test_resampled_psf_does_not_depend_on_its_voxel_size(psf):
    if psf.units["Z"] == "nanometer":
        values = gaussian(0.1).data
        psf = Image(values, "ZYX", {"Z": 100.0, "Y": 100.0, "X": 100.0}, psf.units)
    expected = Deconvolve(gaussian(0.3, planes=9)).fitting_psf(STACK, "ZYX")
    kernel = Deconvolve(psf).fitting_psf(STACK, "ZYX")
    assert kernel.sum() == pytest.approx(1, rel=1e-5)
    assert kernel.min() >= 0
    middle = tuple(slice(n // 2 - 2, n // 2 + 3) for n in kernel.shape)
    other = tuple(slice(n // 2 - 2, n // 2 + 3) for n in expected.shape)
    np.testing.assert_allclose(kernel[middle], expected[other], atol=0.05 * expected.max())
    mean, variance = moments(kernel)
    assert mean == pytest.approx(0, abs=0.05)
    assert variance == pytest.approx(moments(expected)[1], rel=0.08)


@pytest.mark.parametrize(
    "psf",
    [gaussian(0.1), gaussian(0.2, planes=13), gaussian(0.3, pixel=0.05, n=41, planes=9)],
    ids=["0.1", "0.2", "pixels"],
)
def test_psf_of_another_step_gives_the_same_result(psf):
    rng = np.random.default_rng(0)
    truth = 100 * rng.random((15, 20, 20)) ** 8
    own = gaussian(0.3, planes=9)
    kernel = Deconvolve(own).fitting_psf(STACK, "ZYX")
    image = replace(STACK, data=ndimage.convolve(truth, kernel, mode="nearest"))
    one, two = (
        run(image, Deconvolve(given), tiny_config(60, dims=3, stop="none")).image.data
        for given in (own, psf)
    )
    assert abs(psnr(two, truth) - psnr(one, truth)) < 0.1


def test_resampling_sums_the_light_per_voxel():
    values = np.zeros((9, 3, 3))
    values[:, 1, 1] = np.arange(9.0) * np.arange(9.0)[::-1]
    psf = Image(values, "ZYX", {"Z": 0.1, "Y": 0.1, "X": 0.1}, UM)
    summed = psf_on_grid(psf, STACK)
    np.testing.assert_allclose(summed[:, 1, 1], values[:, 1, 1].reshape(3, 3).sum(axis=1))


def test_psf_with_the_voxel_size_of_the_image_is_unchanged():
    psf = gaussian(0.3001, planes=9)
    np.testing.assert_array_equal(psf_on_grid(psf, STACK), psf.data)
    assert sampling_remark(psf, STACK) == ()


def test_plain_array_psf_has_the_voxel_size_of_the_image():
    values = gaussian(0.1, planes=15).data
    kernel = Deconvolve(values).fitting_psf(STACK, "ZYX")
    np.testing.assert_array_equal(kernel, centred_psf(values))
    assert Deconvolve(values).remarks(STACK) == ()


def test_remark_names_the_resampled_axes():
    (sentence,) = sampling_remark(gaussian(0.1), STACK)
    assert "z from 0.1 to 0.3 micrometer" in sentence
    assert "y from" not in sentence


BARE = Image(gaussian(0.1, planes=9).data, "ZYX")
WITHOUT = Image(np.zeros((15, 40, 40)), "ZYX")


@pytest.mark.parametrize(
    ("psf", "image"),
    [
        (BARE, STACK),
        (gaussian(0.1, planes=9), WITHOUT),
        (gaussian(0.1, planes=9, units=dict.fromkeys("ZYX", "1/nm")), STACK),
    ],
    ids=["PSF", "image", "no length"],
)
def test_rejects_an_unknown_plane_spacing(psf, image):
    with pytest.raises(InputError, match="Set the voxel size of the PSF"):
        Deconvolve(psf).fitting_psf(image, "ZYX")


@pytest.mark.parametrize(
    ("psf", "image", "axes"),
    [
        (Image(gaussian(0.1, planes=15).data, "ZYX"), STACK, "z, y, x"),
        (Image(BARE.data[4], "YX"), STACK, "y, x"),
        (Image(BARE.data[4], "YX", {"Y": 0.1, "X": 0.1}, UM), WITHOUT, "y, x"),
    ],
    ids=["equal number of planes", "plane without size", "image without size"],
)
def test_warns_about_an_unknown_voxel_size(psf, image, axes):
    task = Deconvolve(psf)
    assert task.fitting_psf(image, "ZYX").ndim == 3
    assert f"along {axes}:" in task.remarks(image)[0]


def test_no_remark_if_both_voxel_sizes_are_unknown():
    task = Deconvolve(BARE)
    assert task.remarks(WITHOUT) == ()
    np.testing.assert_array_equal(task.fitting_psf(WITHOUT, "ZYX"), centred_psf(BARE.data))


def test_rejects_a_psf_in_absurd_units_without_large_arrays():
    psf = gaussian(0.1, units={**UM, "Z": "meter"})
    with pytest.raises(InputError, match="at most twice as wide"):
        Deconvolve(psf).fitting_psf(STACK, "ZYX")


@pytest.mark.parametrize("axes", ["ZYX", "TYX", "CZYX", "TZCYX"])
def test_spatial_psf_drops_axes_of_length_one(axes):
    shape = tuple({"Z": 9, "Y": 5, "X": 5, "T": 9 if axes == "TYX" else 1}.get(a, 1) for a in axes)
    psf = spatial_psf(Image(np.zeros(shape), axes, dict.fromkeys(axes, 0.1)))
    assert (psf.axes, psf.shape) == ("ZYX", (9, 5, 5))
    assert ("Z" in psf.voxel_size) is ("Z" in axes)


def test_rejects_a_volume_psf_for_planes():
    plane = Image(np.zeros((40, 40)), "YX", {"Y": 0.1, "X": 0.1}, UM)
    with pytest.raises(InputError, match="take its plane in focus"):
        Deconvolve(gaussian(0.1)).fitting_psf(plane, "YX")
