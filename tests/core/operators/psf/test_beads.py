"""PSF from beads: widths, refused beads, bead size, and use in a deconvolution."""

from __future__ import annotations

import numpy as np
import pytest

from napari_dip.core.image.image import Image
from napari_dip.core.operators.psf.beads import psf_of_beads
from napari_dip.core.tasks import Deconvolve
from napari_dip.errors import InputError
from tests.bead_images import STEPS, WIDTHS, apart, recorded, spots, true_width

PLANE, STACK = (150, 170), (33, 120, 130)


def touching(centres, count):
    """Return centres, the first `count` of which have a neighbour a few pixels away."""
    shift = np.zeros(centres.shape[1])
    shift[-2:] = 3.0, 2.0
    return np.concatenate([centres, centres[:count] + shift])


@pytest.mark.parametrize("shape", [PLANE, STACK], ids=["plane", "stack"])
def test_widths_are_right_among_touching_beads_and_photon_noise(shape):
    centres = touching(apart(shape, 30), 4)
    light = np.random.default_rng(2).uniform(2e4, 5e4, len(centres)) * (1 + 4 * (len(shape) == 3))
    measured = psf_of_beads(recorded(spots(shape, centres, light)))
    assert measured.used + sum(measured.refused.values()) >= len(centres) - 8
    assert measured.used >= 5
    assert measured.refused
    for axis in measured.psf.axes:
        assert measured.fwhm[axis] == pytest.approx(true_width(axis), rel=0.05)


def test_psf_is_centred_normalised_and_has_the_voxel_size_of_the_beads():
    psf = psf_of_beads(recorded(spots(STACK, apart(STACK, 34), 2e5))).psf
    assert psf.axes == "ZYX"
    assert dict(psf.voxel_size) == STEPS
    assert psf.data.dtype == np.float32
    assert psf.data.sum() == pytest.approx(1, rel=1e-5)
    assert psf.data.min() == 0  # the background is gone
    assert all(n % 2 for n in psf.shape)
    middle = np.unravel_index(psf.data.argmax(), psf.shape)
    assert middle == tuple(n // 2 for n in psf.shape)


def test_average_equals_the_psf_itself():
    psf = psf_of_beads(recorded(spots(PLANE, apart(PLANE, 30), 5e4))).psf.data
    n = psf.shape[0]
    truth = spots((n, n), np.array([[n // 2, n // 2]]), 1.0)
    np.testing.assert_allclose(psf, truth, atol=0.04 * truth.max())


@pytest.mark.parametrize("shape", [PLANE, STACK], ids=["plane", "stack"])
def test_size_of_the_beads_is_removed(shape):
    light = spots(shape, apart(shape, 40), 2e5 * (1 + 4 * (len(shape) == 3)), diameter=0.3)
    wide = psf_of_beads(recorded(light)).fwhm["X"]
    corrected = psf_of_beads(recorded(light), bead_diameter=0.3).fwhm["X"]
    assert wide > 1.1 * true_width("X")
    assert corrected == pytest.approx(true_width("X"), rel=0.05)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda light: np.minimum(light, 1100), "saturated"),
        (lambda light: np.where(light > 1100, np.nan, light), "with missing pixels"),
    ],
    ids=["saturated", "missing pixels"],
)
def test_refuses_spoiled_beads(spoil, reason):
    centres = apart(PLANE, 40)
    light = np.full(len(centres), 8e3)
    light[0] = 3e4
    image = recorded(spots(PLANE, centres, light), background=5)
    measured = psf_of_beads(image.with_data(spoil(image.data.astype(float))))
    assert set(measured.refused) == {reason}
    assert measured.used == len(centres) - 1


def test_refuses_pairs_that_look_like_one_wide_bead():
    centres = apart(PLANE, 40)
    pair = centres[:1] + np.array([1.5, 2.0])
    measured = psf_of_beads(recorded(spots(PLANE, np.concatenate([centres, pair]), 3e4)))
    assert measured.refused == {"of another size": 1}


def test_dense_beads_get_a_smaller_psf():
    centres = apart(PLANE, 12)
    measured = psf_of_beads(recorded(spots(PLANE, centres, 3e4)))
    assert measured.used > 10
    assert measured.psf.shape[0] < 21


def test_size_of_the_psf_can_be_given_in_micrometres():
    image = recorded(spots(STACK, apart(STACK, 34), 2e5))
    assert psf_of_beads(image, size={"z": 2.0, "y": 1.0, "x": 1.2}).psf.shape == (11, 11, 13)


def test_widths_are_in_pixels_without_a_voxel_size():
    image = Image(recorded(spots(PLANE, apart(PLANE, 30), 5e4)).data, "YX")
    measured = psf_of_beads(image)
    assert measured.unit == "pixel"
    assert measured.fwhm["X"] == pytest.approx(true_width("X") / STEPS["X"], rel=0.05)
    assert "in pixels" in measured.warnings[-1]


def test_warns_about_few_beads():
    (sentence,) = psf_of_beads(recorded(spots((60, 60), np.array([[30.2, 29.7]]), 3e4))).warnings
    assert "only 1 bead" in sentence


def test_hot_pixels_are_no_beads():
    values = np.random.default_rng(0).normal(10, 1, (60, 60))
    values[[20, 40, 20], [20, 40, 45]] = 1000
    with pytest.raises(InputError, match="wider than a pixel"):
        psf_of_beads(Image(values, "YX"))


def test_warns_about_beads_as_narrow_as_a_pixel():
    y, x = np.mgrid[:60, :60]
    values = 10 + 1000 * np.exp(-2 * ((y - 30.1) ** 2 + (x - 29.9) ** 2) / 0.45)
    assert any("hot pixels" in text for text in psf_of_beads(Image(values, "YX")).warnings)


def test_uses_one_channel():
    beads = recorded(spots(PLANE, apart(PLANE, 30), 5e4))
    both = Image(np.stack([np.zeros_like(beads.data), beads.data]), "CYX", beads.voxel_size)
    assert psf_of_beads(both, channel=1).used == psf_of_beads(beads).used
    with pytest.raises(InputError, match="Choose one channel"):
        psf_of_beads(both)
    with pytest.raises(InputError, match="from 0 to 1"):
        psf_of_beads(both, channel=2)


@pytest.mark.parametrize(
    ("image", "options", "words"),
    [
        (recorded(np.zeros((60, 60))), {}, "without bright spots"),
        (recorded(spots((60, 60), np.array([[2.0, 30.0]]), 3e4)), {}, "1 at the border"),
        (recorded(spots((60, 60), np.array([[30.0, 30.0]]), 3e4)), {"size": {"z": 1}}, "along z"),
        (
            recorded(spots((60, 60), np.array([[30.0, 30.0]]), 3e4)),
            {"bead_diameter": 100.0},
            "in micrometres",
        ),
    ],
    ids=["noise", "border", "axis", "diameter"],
)
def test_rejects_images_without_usable_beads(image, options, words):
    with pytest.raises(InputError, match=words):
        psf_of_beads(image, **options)


def test_deconvolution_resamples_the_measured_psf():
    psf = psf_of_beads(recorded(spots(STACK, apart(STACK, 34), 2e5))).psf
    image = Image(np.zeros((9, 40, 40)), "ZYX", {"Z": 0.4, "Y": 0.1, "X": 0.1}, psf.units)
    kernel = Deconvolve(psf).fitting_psf(image, "ZYX")
    assert kernel.shape[0] < psf.shape[0]
    assert kernel.shape[1:] == psf.shape[1:]
    assert kernel[len(kernel) // 2 + 1].sum() == pytest.approx(
        np.exp(-4 * np.log(2) * (0.4 / WIDTHS["Z"]) ** 2) * kernel[len(kernel) // 2].sum(), rel=0.1
    )
