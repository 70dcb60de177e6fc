"""Volumes of a specimen whose refractive index differs from the immersion medium."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_dip import metrics
from napari_dip.compare.baselines import BASELINES
from napari_dip.compare.run import restore_with
from napari_dip.core.image.image import Image
from napari_dip.core.operators.blur import Blur
from napari_dip.core.operators.psf.microscope import Setup, microscope_psf
from napari_dip.core.operators.slabs import SlabBlur, slab_weights
from napari_dip.core.tasks import Deconvolve
from napari_dip.errors import InputError
from tests.core.tasks.conftest import run
from tests.tiny import tiny_config, waves

SIZES = {"Z": 0.3, "Y": 0.1, "X": 0.1}
STACK = Image(np.stack([waves((24, 20))] * 10), "ZYX", SIZES)
OPTICS = {"na": 1.2, "wavelength": 0.52, "refractive_index": 1.515}


def blur_of(**values):
    return Deconvolve(**OPTICS, **values).operator(STACK, "ZYX")


def test_specimen_index_makes_the_psf_change_with_depth():
    assert isinstance(blur_of(specimen_index=1.33, depth_of_first_plane=5.0), SlabBlur)


def test_equal_indices_give_the_blur_of_one_psf():
    same, usual = blur_of(specimen_index=1.515, depth_of_first_plane=5.0), blur_of()
    assert isinstance(same, Blur)
    shape = usual.estimate_shape(STACK.shape)
    estimate = torch.rand((1, 1, *shape), generator=torch.Generator().manual_seed(0))
    assert torch.equal(same(estimate), usual(estimate))


def test_slight_aberration_gives_one_psf():
    assert isinstance(blur_of(specimen_index=1.5), Blur)


def test_run_of_tiles_reports_the_psfs():
    task = Deconvolve(**OPTICS, specimen_index=1.33, depth_of_first_plane=5.0)
    result = run(STACK, task, tiny_config(2, dims=3))
    assert result.image.shape == STACK.shape
    (sentence,) = [text for text in result.report.warnings if "cover glass" in text]
    assert "5 to 7.7 micrometre" in sentence
    assert "PSFs are interpolated" in sentence
    assert "0.79" in sentence


@pytest.mark.parametrize(
    ("values", "axes", "words"),
    [
        pytest.param({"specimen_index": 1.33}, "YX", "for planes; expected a volume", id="planes"),
        pytest.param({"depth_of_first_plane": 3.0}, "ZYX", "expected both", id="depth alone"),
    ],
)
def test_rejects_a_specimen_that_has_no_effect(values, axes, words):
    with pytest.raises(InputError, match=words):
        Deconvolve(**OPTICS, **values).check(STACK, axes)


def test_rejects_a_specimen_with_a_measured_psf():
    with pytest.raises(InputError, match="not computed from optics"):
        Deconvolve(np.ones((3, 3, 3)), specimen_index=1.33).check(STACK, "ZYX")


def test_slabs_restore_more_than_one_psf():
    """Beads, each plane blurred by the PSF of its own depth, 100 photons at the brightest voxel."""
    planes, size, first = 12, 24, 12.0
    random = np.random.default_rng(0)
    truth = np.zeros((planes, size, size), np.float32)
    for z, y, x in zip(*(random.integers(3, n - 3, 12) for n in truth.shape), strict=True):
        truth[z, y : y + 2, x : x + 2] = 1
    depths = [first + SIZES["Z"] * at for at in range(planes)]
    setups = [Setup(1.2, 1.515, emission=0.52, specimen_index=1.33, depth=d) for d in depths]
    psfs = np.stack([microscope_psf(s, tuple(SIZES.values()), planes=13) for s in setups])
    margins = [n // 2 for n in psfs.shape[1:]]
    around = [first + SIZES["Z"] * at for at in range(-margins[0], planes + margins[0])]
    blur = SlabBlur(torch.from_numpy(psfs), slab_weights(around, depths))
    scene = torch.from_numpy(np.pad(truth, [(margin, margin) for margin in margins]))
    light = blur(scene[None, None])[0, 0].clamp(min=0).numpy()
    scale = 100 / light.max()
    image = Image(random.poisson(light * scale).astype(np.float32), "ZYX", SIZES)
    (method,) = (one for one in BASELINES if one.name == "Richardson-Lucy")
    quality = [
        metrics.psnr(np.asarray(restore_with(method, image, task, 3).data), truth * scale)
        for task in (
            Deconvolve(**OPTICS),
            Deconvolve(**OPTICS, specimen_index=1.33, depth_of_first_plane=first),
        )
    ]
    assert quality[1] > quality[0] + 1
