"""Every task through `restore`: shapes, masks, guides, and that it helps."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import get_args

import numpy as np
import pytest
import torch
from PIL import Image as Picture
from scipy import ndimage
from skimage.io import imread

import napari_dip
from napari_dip.api import finish
from napari_dip.config import PRESETS, DipConfig, Stop, TaskName, preset_of
from napari_dip.core.image.align import aligned
from napari_dip.core.image.image import Image, as_image
from napari_dip.core.image.scaling import find_scaling
from napari_dip.core.networks.build import build_network
from napari_dip.core.operators.features import Features
from napari_dip.core.operators.kspace import least_variation
from napari_dip.core.report.provenance import sha256_of_pixels
from napari_dip.core.restoration.restore import restore
from napari_dip.core.tasks import (
    TASKS,
    Deconvolve,
    Guided,
    Inpaint,
    InvertFeatures,
    ReconstructKSpace,
    RemoveJpeg,
    SuperResolve,
    Task,
)
from napari_dip.errors import InputError, NapariDipError, UsageError
from napari_dip.io import images as io
from tests.tiny import latent_of, noisy_waves, tiny_config, tiny_features, waves

HOLE = np.zeros((24, 20), bool)
HOLE[5:9, 3:8] = True
# How each task is made for a picture of 24 x 20.
MAKERS = {
    "denoise": TASKS["denoise"],
    "inpaint": lambda: Inpaint(HOLE),
    "super-resolve": lambda: SuperResolve({"y": 2, "x": 3}),
    "deconvolve": lambda: Deconvolve(sigma=1.0),
    "dejpeg": RemoveJpeg,
    "guided": lambda: Guided(waves((24, 20))),
    "fourier": lambda: ReconstructKSpace(np.arange(20) % 2 == 0),
    "invert-features": lambda: InvertFeatures("tiny"),
}


def run(image, task, config=None, **options):
    return finish(restore(image, task, config or tiny_config(3), **options))


def rmse(estimate, truth):
    return float(np.sqrt(np.mean((np.asarray(estimate) - truth) ** 2)))


def test_every_task_is_tested_here():
    assert set(MAKERS) == set(TASKS)


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize(
    ("axes", "dims"),
    [("YX", 2), ("ZYX", 2), ("CYX", 2), ("YXS", 2), ("ZYX", 3), ("CZYX", 3), ("ZYXS", 3)],
)
def test_a_task_restores_planes_volumes_channels_and_rgb(name, axes, dims):
    if name == "fourier" and "S" in axes:
        pytest.skip("its images are grey")
    task, sizes = MAKERS[name](), {"Z": 2, "C": 2, "Y": 24, "X": 20, "S": 3}
    shape = tuple(sizes[axis] for axis in axes)
    data = np.random.default_rng(0).poisson(100, shape).astype(np.uint16)
    image = Image(data, axes, {"Y": 0.3, "X": 0.3}, {"Y": "micrometer", "X": "micrometer"})
    result = run(image, task, tiny_config(3, latent_of(name), dims=dims))
    factors = task.factors()
    expected = tuple(sizes[axis] * factors.get(axis, 1) for axis in axes)
    assert result.image.shape == expected
    assert result.image.axes == axes
    assert result.image.voxel_size["X"] == pytest.approx(0.3 / factors.get("X", 1))
    assert result.report.task == name
    assert np.isfinite(result.image.data).all()


@pytest.mark.parametrize("name", MAKERS)
def test_a_run_can_be_repeated_from_its_report_and_the_arrays(name):
    given, picture = MAKERS[name](), waves((24, 20))
    first = run(picture, given, tiny_config(3, latent_of(name)))
    report = json.loads(json.dumps(first.report.as_json()))
    options = report["task_options"]
    assert set(options) == {field.name for field in fields(TASKS[name])}
    for option, value in options.items():
        if isinstance(value, dict) and "sha256" in value:
            options[option] = getattr(given, option)
            assert value["sha256"] == sha256_of_pixels(options[option])
    again = run(picture, TASKS[name](**options), DipConfig.model_validate(report["config"]))
    np.testing.assert_array_equal(first.image.data, again.image.data)


def test_what_a_task_was_given_is_told_without_pixels_unless_they_are_few(tmp_path):
    mask = HOLE.astype(np.uint8)
    io.write_image(tmp_path / "mask.npy", as_image(mask))
    task = Inpaint(io.read_image(tmp_path / "mask.npy"), labels=(1, 2))
    told = run(waves((24, 20)), task).report.task_options
    assert told["labels"] == [1, 2]
    assert told["mask"] == {
        "source": str(tmp_path / "mask.npy"),
        "axes": "YX",
        "shape": [24, 20],
        "dtype": "uint8",
        "sha256": sha256_of_pixels(mask),
        "nonzero": HOLE.mean(),
    }
    _, path = jpeg_file(tmp_path)
    tables = io.read_quantisation(path)
    config = tiny_config(2, "noise")
    told = run(io.read_image(path), RemoveJpeg(tables), config).report.task_options
    np.testing.assert_array_equal(told["quantisation"]["tables"], tables.tables)
    module = tiny_features().module
    report = run(waves((24, 20)), InvertFeatures(module, "2"), config).report
    assert report.task_options["features"].endswith("Sequential")


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize(("axes", "dims"), [("CYX", 2), ("YXS", 2), ("ZYX", 3)])
def test_a_task_is_done_in_tiles_or_says_that_it_cannot(name, axes, dims):
    task, sizes = MAKERS[name](), {"Z": 2, "C": 2, "Y": 24, "X": 20, "S": 3}
    data = np.random.default_rng(0).poisson(100, [sizes[axis] for axis in axes])
    image = Image(data.astype(np.uint16), axes)
    config = tiny_config(2, latent_of(name), dims=dims, tile=16, overlap=2)
    if name in ("fourier", "invert-features"):
        with pytest.raises(NapariDipError, match=r"tiles of 16 pixels for .*whole|grey"):
            run(image, task, config)
        return
    progress = []
    result = finish(restore(image, task, config), progress.append)
    whole = image.enlarged(task.factors())
    assert result.image.shape == whole.shape
    assert np.isfinite(result.image.data).all()
    planes = 2 if axes == "CYX" else 1
    assert result.report.tiling.tiles == len(result.report.blocks) >= 4 * planes
    assert result.report.tiling.seam_ratio > 0
    for state in progress:
        assert whole.data[state.selection].shape == state.estimate.shape
    reached = np.zeros(whole.shape, bool)
    for state in progress:
        reached[state.selection] = True
    assert reached.all()
    if name == "inpaint":
        known = np.broadcast_to(~HOLE[..., None] if axes == "YXS" else ~HOLE, whole.shape)
        np.testing.assert_array_equal(result.image.data[known], data[known])


@pytest.mark.parametrize("name", get_args(TaskName))
@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("dims", [2, 3])
def test_every_preset_of_a_task_can_be_built(name, preset, dims):
    settings = preset_of(preset, name, dims)
    network = build_network(settings.network, 3, 1, depth=None if dims == 2 else 16)
    assert sum(p.numel() for p in network.parameters()) > 0


def test_a_reference_of_the_result_s_size_is_compared():
    result = run(waves((24, 20)), SuperResolve(2), reference=waves((48, 40)))
    assert result.report.psnr is not None
    with pytest.raises(InputError, match="same shape"):
        run(waves((24, 20)), SuperResolve(2), reference=waves((24, 20)))


def test_from_eight_times_on_the_published_preset_takes_twice_the_iterations():
    iterations = {
        factor: preset_of("paper", SuperResolve(factor).preset).max_iterations
        for factor in (2, 7, 8, 16)
    }
    assert iterations == {2: 2000, 7: 2000, 8: 4000, 16: 4000}
    assert SuperResolve({"z": 8}).preset == SuperResolve({"y": 2, "x": 8}).preset
    for preset in ("balanced", "fast"):
        assert preset_of(preset, "super-resolve-x8") == preset_of(preset, "super-resolve")


# Inpainting


def with_hole():
    picture, mask = waves(), np.zeros((64, 64), np.uint8)
    mask[20:26, 30:37] = 2
    return np.where(mask, 1e4, picture), mask


def test_missing_pixels_are_filled_from_around_and_known_ones_kept():
    picture, mask = with_hole()
    result = run(picture, Inpaint(mask), tiny_config(300)).image.data
    np.testing.assert_array_equal(result[mask == 0], picture[mask == 0].astype(np.float32))
    assert rmse(result[mask > 0], waves()[mask > 0]) < 15


def test_known_pixels_are_restored_on_demand():
    picture, mask = with_hole()
    result = run(picture, Inpaint(mask, known="restore")).image.data
    assert rmse(result[mask == 0], picture[mask == 0]) > 0


@pytest.mark.parametrize("task", [
    lambda mask: Inpaint(mask), lambda mask: Inpaint(mask == 0, inverse=True),
    lambda mask: Inpaint(mask + (mask == 0), labels=(2,)),
    lambda mask: Inpaint(np.stack([mask] * 3, axis=-1)),
])  # fmt: skip
def test_masks_are_read_as_they_were_meant(task):
    picture, mask = with_hole()
    observed = task(mask).observe(as_image(picture))
    np.testing.assert_array_equal(np.isnan(np.asarray(observed.data)), mask > 0)
    assert observed.dtype == np.float64


def mask_file(path, painted, kind):
    """Write a mask as image editors export it, white where it is painted."""
    white = np.where(painted, np.uint8(255), np.uint8(0))
    opaque = np.full_like(white, 255)
    if kind == "palette":
        picture = Picture.fromarray(painted.astype(np.uint8), "P")
        picture.putpalette([0, 0, 0, 255, 255, 255])
        picture.save(path)
    elif kind == "drawn on a transparent layer":
        Picture.fromarray(np.stack([0 * white, white], -1), "LA").save(path)
    elif kind == "holes in an opaque layer":
        Picture.fromarray(np.stack([opaque, opaque, opaque, 255 - white], -1)).save(path)
    elif kind.startswith("16"):
        deep = np.stack([white, opaque] if kind == "16 LA" else [white] * 3, -1)
        io.write_image(path, Image(deep.astype(np.uint16) * 257, "YXS"))
    else:
        layers = {"L": [white], "LA": [white, opaque], "RGBA": [white, white, white, opaque]}
        Picture.fromarray(np.squeeze(np.stack(layers[kind], -1)), kind).save(path)
    return path


@pytest.mark.parametrize(
    "kind", ["L", "LA", "RGBA", "palette", "16 LA", "16 RGB", "drawn on a transparent layer"]
)
def test_masks_with_opacity_paint_what_they_show(tmp_path, kind):
    mask = io.read_image(mask_file(tmp_path / "mask.png", HOLE, kind))
    image = as_image(waves((24, 20)))
    observed = Inpaint(mask).observe(image)
    np.testing.assert_array_equal(np.isnan(np.asarray(observed.data)), HOLE)
    assert Inpaint(mask).preset == Inpaint(HOLE).preset


def test_the_opacity_is_the_mask_where_nothing_else_varies(tmp_path):
    mask = io.read_image(mask_file(tmp_path / "mask.png", HOLE, "holes in an opaque layer"))
    observed = Inpaint(mask, inverse=True).observe(as_image(waves((24, 20))))
    np.testing.assert_array_equal(np.isnan(np.asarray(observed.data)), HOLE)


@pytest.mark.parametrize("opacity", [0, 255])
def test_a_mask_of_one_colour_and_one_opacity_is_refused(opacity):
    white = np.stack([np.full((24, 20), 255), np.full((24, 20), opacity)], -1)
    with pytest.raises(InputError, match="no pixel known"):
        run(waves((24, 20)), Inpaint(white))


def test_a_coloured_mask_that_is_inverse_is_painted_where_pixels_are_known():
    red = np.zeros((24, 20, 3), np.uint8)
    red[~HOLE, 0] = 255
    observed = Inpaint(red, inverse=True).observe(as_image(waves((24, 20))))
    np.testing.assert_array_equal(np.isnan(np.asarray(observed.data)), HOLE)


def test_the_opacity_of_a_guide_is_no_channel_of_it():
    guide = np.full((24, 20, 4), 255, np.uint8)
    assert len(Guided(guide).guides(as_image(waves((24, 20))))) == 3


def test_a_mask_of_one_plane_holds_for_all_and_a_mask_of_all_for_each():
    stack = np.random.default_rng(0).poisson(9, (3, 24, 20)).astype(np.uint8)
    for mask in (HOLE, np.stack([HOLE] * 3)):
        observed = Inpaint(mask).observe(as_image(stack))
        assert np.isnan(np.asarray(observed.data)).sum() == 3 * HOLE.sum()
        assert observed.data[1].dtype == np.float32


def test_nan_is_missing_without_a_mask():
    picture = waves((24, 20))
    picture[HOLE] = np.nan
    result = run(picture, Inpaint())
    assert np.isfinite(result.image.data).all()
    assert result.report.input.invalid_pixels == HOLE.sum()


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        (np.ones((24, 20)), "no pixel known"),
        (np.zeros((24, 20)), "no pixel is missing"),
        (np.ones((20, 24)), "same Y and X"),
    ],
)
def test_a_mask_that_cannot_be_meant_is_refused(mask, words):
    with pytest.raises(InputError, match=words):
        run(waves((24, 20)), Inpaint(mask))


def test_a_large_hole_has_its_own_preset():
    mask = np.zeros((64, 64), bool)
    mask[10:20, 10:60] = True
    assert Inpaint(mask).preset == "inpaint"
    mask[10:50] = True
    assert Inpaint(mask).preset == "inpaint-holes"
    assert preset_of("paper", "inpaint-holes").latent == "meshgrid"
    assert Inpaint(mask, known="restore").preset == "denoise"
    assert Inpaint(np.random.default_rng(0).random((256, 256)) > 0.02).preset == "inpaint-sparse"


def test_dead_pixels_found_by_a_threshold_are_repaired():
    picture = waves()
    dead = np.random.default_rng(0).random(picture.shape) < 0.02
    recorded = np.where(dead, 4095.0, picture)
    result = napari_dip.inpaint(recorded, recorded > 1000, config=tiny_config(300))
    assert rmse(result[dead], picture[dead]) < 15


# Super-resolution, deconvolution, guided


def test_super_resolution_explains_the_image():
    fine = waves((64, 64))
    operator = SuperResolve(2).operator(as_image(fine), "YX")
    coarse = operator(torch.from_numpy(fine)[None, None])[0, 0].numpy()
    result = napari_dip.super_resolve(coarse, 2, config=tiny_config(400))
    assert result.shape == fine.shape
    again = operator(torch.from_numpy(result)[None, None])[0, 0].numpy()
    assert rmse(again, coarse) < 0.25 * coarse.std()
    assert rmse(result, fine) < 0.3 * fine.std()


@pytest.mark.parametrize("factor", [1, 0, 17, 2.5, {"t": 2}, {}])
def test_a_factor_that_is_none_is_refused(factor):
    with pytest.raises(InputError, match="factors"):
        run(waves((24, 20)), SuperResolve(factor))


def test_deconvolution_sharpens():
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
def test_a_psf_that_cannot_be_meant_is_refused(task, words):
    with pytest.raises(InputError, match=words):
        run(waves((24, 20)), task)


def test_the_optics_make_a_psf_with_the_pixel_size_of_the_image_or_of_the_configuration():
    image = Image(waves((24, 20)), "YX", {"Y": 0.1, "X": 0.1})
    task = Deconvolve(na=1.2, wavelength=0.52)
    one = run(image, task).image
    config = tiny_config(3, voxel_size={"y": 0.1, "x": 0.1})
    two = run(waves((24, 20)), task, config).image
    np.testing.assert_array_equal(one.data, two.data)
    assert two.voxel_size == {"Y": 0.1, "X": 0.1}
    three = napari_dip.deconvolve(waves((24, 20)), na=1.2, wavelength=0.52, config=config)
    np.testing.assert_array_equal(three, two.data)


def widths_found(guess, blur):
    """Return the widths that a fit to a picture of known blur ends with."""
    points = np.zeros((64, 64))
    points[tuple(np.random.default_rng(0).integers(2, 62, (2, 60)))] = 500
    blurred = ndimage.gaussian_filter(points + waves(), blur, mode="nearest")
    noisy = blurred + np.random.default_rng(1).normal(0, 1, blurred.shape)
    task = Deconvolve(sigma=guess, refine_psf=True)
    found = run(noisy, task, tiny_config(400, stop="none")).report.diagnostics
    return {name: width for name, width in found.items() if name.startswith("psf")}


def test_a_psf_that_is_a_third_too_wide_comes_closer_to_the_truth_along_both_axes():
    found = widths_found(1.95, blur=1.5)
    assert set(found) == {"psf_sigma_y", "psf_sigma_x"}
    assert all(abs(width - 1.5) < 0.25 for width in found.values())


def test_only_an_axis_with_a_blur_is_refined():
    assert set(widths_found({"y": 1.95}, blur=(1.5, 0))) == {"psf_sigma_y"}


def test_every_fit_starts_from_the_guess():
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


def test_a_guide_helps():
    noisy = noisy_waves(sigma=80.0)
    guide = -(waves() ** 2)
    ours = napari_dip.restore_guided(noisy, guide, config=tiny_config(150))
    alone = napari_dip.denoise(noisy, config=tiny_config(150))
    assert rmse(ours, waves()) < 0.8 * rmse(alone, waves())


@pytest.mark.parametrize("guide", [None, np.full((24, 20), np.nan), np.ones((20, 24))])
def test_a_guide_that_cannot_be_meant_is_refused(guide):
    with pytest.raises(InputError, match="guide"):
        run(waves((24, 20)), Guided(guide))


def test_all_channels_of_a_guide_are_used():
    task = Guided(np.random.default_rng(0).random((24, 20, 3)))
    assert len(task.guides(as_image(waves((24, 20))))) == 3


def test_aligning_follows_the_names_of_axes():
    stack = Image(np.zeros((2, 3, 8, 9)), "TZYX")
    planes = Image(np.arange(3)[:, None, None] * np.ones((3, 8, 9)), "ZYX")
    np.testing.assert_array_equal(aligned(planes, stack, "mask")[1, :, 0, 0], [0, 1, 2])


# Features


def features_of(picture, layer="2"):
    """Return what the tiny network says of a picture that fills the range from 0 to 1."""
    return Features(tiny_features()._replace(layer=layer))(
        torch.from_numpy(as_image(picture).data)[None, None]
    )


def test_no_feature_is_ever_held_out():
    valid = torch.ones(1, 12, dtype=torch.bool)
    random = torch.Generator().manual_seed(0)
    draws = torch.stack(
        [Features(tiny_features()).holdout_scores(valid, random) for _ in range(200)]
    )
    assert (draws >= 1).all()


def test_a_picture_is_found_whose_features_are_those_of_the_image():
    scale = find_scaling(waves())
    wanted = features_of(scale.scale(waves()))
    start = features_of(np.full((64, 64), 0.5, np.float32))
    found = napari_dip.invert_features(waves(), "tiny", config=tiny_config(300, "noise"))
    error = features_of(scale.scale(found)) - wanted
    assert float(error.norm()) < 0.3 * float((start - wanted).norm())


def test_a_module_and_a_named_network_give_the_same():
    tiny, config = tiny_features(), tiny_config(3, "noise")
    standardised = torch.nn.Sequential(
        torch.nn.BatchNorm2d(3, eps=0.0, affine=False), *tiny.module
    ).eval()
    standardised[0].running_mean.fill_(0.5)
    standardised[0].running_var.fill_(0.25**2)
    named = napari_dip.invert_features(waves(), "tiny:0", config=config)
    ours = napari_dip.invert_features(waves(), standardised, layer="1", config=config)
    np.testing.assert_allclose(ours, named, rtol=1e-3)
    # The module itself is left as it was.
    assert all(parameter.requires_grad for parameter in tiny.module.parameters())


@pytest.mark.parametrize("layer", ["2", "1"])
def test_a_unit_becomes_more_active_than_in_any_picture_of_noise(layer):
    picture = np.random.default_rng(0).random((32, 32)) * 100
    task, scale = InvertFeatures("tiny", layer, unit=1), find_scaling(picture)
    unit = task.operator(as_image(picture), "YX")

    def activity(of):
        return float(unit(torch.from_numpy(scale.scale(of))[None, None]))

    result = run(picture, task, tiny_config(150, "noise")).image.data
    assert activity(result) > activity(picture) + 3 * abs(activity(picture))


def test_features_are_fitted_to_the_end_unless_something_else_is_asked():
    config = tiny_config(3, "noise")
    report = run(waves((24, 20)), InvertFeatures("tiny"), config).report
    assert (report.stop_reason, report.config.stop) == ("max_iterations", "none")
    assert report.selected_iteration == report.iterations == 3
    assert report.diagnostics["residual_whiteness"] is None


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("stop", get_args(Stop))
def test_a_stopping_rule_that_a_task_does_not_have_is_refused(name, stop):
    task, config = MAKERS[name](), tiny_config(1, latent_of(name), stop=stop)
    refused = {"blocks"} | ({"heldout"} if name == "invert-features" else set())
    refused |= set() if name == "denoise" else {"sure"}
    if stop in refused:
        with pytest.raises(UsageError, match=f"rule {stop} for {name}; expected one of auto"):
            run(waves((24, 20)), task, config)
    else:
        assert run(waves((24, 20)), task, config).report.iterations == 1


def test_blocks_are_for_coefficients_which_cannot_be_held_out(tmp_path):
    _, path = jpeg_file(tmp_path)
    task = RemoveJpeg(io.read_quantisation(path))
    task.check_stop("blocks")
    with pytest.raises(UsageError, match="heldout"):
        task.check_stop("heldout")


@pytest.mark.parametrize(
    ("task", "config", "words"),
    [
        (InvertFeatures("nobody"), {}, "expected one of efficientnet-lite0, alexnet"),
        (InvertFeatures("tiny:9"), {}, "the network's: 0, 1, 2"),
        (InvertFeatures("tiny", unit=4), {}, "one of 0 to 3"),
        (InvertFeatures(torch.nn.Conv2d(3, 4, 99)), {}, "24 x 20 pixels"),
        (InvertFeatures("tiny"), {"latent": "observation"}, "another latent"),
        (InvertFeatures("tiny"), {"channels": "joint", "axes": "CYX"}, "2 channels"),
    ],
)
def test_features_that_cannot_be_meant_are_refused(task, config, words):
    picture = np.stack([waves((24, 20))] * 2) if "axes" in config else waves((24, 20))
    with pytest.raises(InputError, match=words):
        run(picture, task, tiny_config(**{"iterations": 2, "latent": "noise", **config}))


def test_a_unit_needs_a_range_of_intensities():
    with pytest.raises(InputError, match="constant"):
        run(np.ones((24, 20)), InvertFeatures("tiny", unit=0))


def test_a_picture_with_missing_pixels_has_no_features():
    with pytest.raises(InputError, match="finite"):
        run(np.full((24, 20), np.nan), InvertFeatures("tiny"))


# JPEG


def jpeg_file(tmp_path, shape=(32, 48), *, coloured=True):
    """Return a picture and the path of what Pillow makes of it."""
    grey = waves(shape)
    truth = np.stack([grey, grey[::-1], 240 - grey], axis=-1) if coloured else grey
    Picture.fromarray(truth.astype(np.uint8)).save(tmp_path / "small.jpg", quality=10)
    return truth.astype(np.uint8), tmp_path / "small.jpg"


@pytest.mark.parametrize("coloured", [False, True])
@pytest.mark.parametrize(
    ("shape", "loss"), [((32, 48), "auto"), ((32, 48), "bins"), ((37, 51), "auto")]
)
def test_what_was_recorded_of_a_jpeg_is_kept(tmp_path, shape, coloured, loss):
    _, path = jpeg_file(tmp_path, shape, coloured=coloured)
    image, task = io.read_image(path), RemoveJpeg(io.read_quantisation(path), loss)
    config = tiny_config(60, latent="noise", stop="none")
    result = run(image, task, config)
    assert result.image.shape == image.shape
    assert result.report.noise.model == "uniform"
    assert DipConfig().complete(task.preset).stop == "blocks"
    operator = task.operator(image, "YX")
    ours, decoded = (
        torch.from_numpy(np.atleast_3d(one.data).transpose(2, 0, 1).astype(float))[None]
        for one in (result.image, image)
    )
    recorded, where = operator.measured(decoded, torch.ones_like(decoded, dtype=torch.bool))
    distance = (operator(ours) - recorded).abs() * where
    assert float(distance[:, :1, :32, :48].max()) < 0.501
    assert float(distance.max()) < 1.5
    # Which is where the estimate may differ from the decoded picture.
    assert float(distance.max()) > 0.4


class Nothing(Task):
    """The identity, and all that a task does by itself."""

    name = "dejpeg"


def test_the_plain_loss_is_that_of_a_task_without_any_of_its_own(tmp_path):
    _, path = jpeg_file(tmp_path)
    image, quantisation = io.read_image(path), io.read_quantisation(path)
    expected = run(image, Nothing()).image.data
    for task in (RemoveJpeg(), RemoveJpeg(quantisation, "plain")):
        np.testing.assert_array_equal(run(image, task).image.data, expected)


def test_coefficients_are_refused_where_they_are_not_known(tmp_path):
    _, path = jpeg_file(tmp_path)
    image, quantisation = io.read_image(path), io.read_quantisation(path)
    with pytest.raises(InputError, match="no quantisation tables"):
        run(image, RemoveJpeg(loss="bins"))
    for other in (image.with_data(image.data / 2), Image(image.data[..., 0], "YX")):
        with pytest.raises(InputError, match="decoded pixels"):
            run(other, RemoveJpeg(quantisation))


def test_coefficients_of_an_array(tmp_path):
    _, path = jpeg_file(tmp_path)
    image, quantisation = io.read_image(path), io.read_quantisation(path)
    config = tiny_config(2, latent="noise")
    named = run(image, RemoveJpeg(quantisation), config).image.data
    array = napari_dip.remove_jpeg(image.data, quantisation, config=config)
    np.testing.assert_array_equal(array, named)


# Volumes


def blobs(shape=(12, 24, 20)):
    """Return a volume of round bright things on a background of 50."""
    rng = np.random.default_rng(0)
    points = np.zeros(shape)
    points[tuple(rng.integers(2, n - 2, 12) for n in shape)] = 1
    smooth = ndimage.gaussian_filter(points, 1.5)
    return 50 + 150 * smooth / smooth.max()


def test_a_factor_along_z_makes_more_planes_and_closer_ones():
    image = Image(blobs((6, 24, 20)), "ZYX", {"Z": 2.0, "Y": 0.5, "X": 0.5})
    result = run(image, SuperResolve({"z": 4}))
    assert result.image.shape == (24, 24, 20)
    assert result.image.voxel_size == {"Z": 0.5, "Y": 0.5, "X": 0.5}
    with pytest.raises(InputError, match="factor along z for planes"):
        run(image, SuperResolve({"z": 4}), tiny_config(3, dims=2))


@pytest.mark.parametrize(
    "task",
    [
        Deconvolve(sigma={"z": 1.5, "y": 1.0, "x": 1.0}),
        Deconvolve(np.ones((5, 3, 3))),
    ],
    ids=["sigma", "psf"],
)
def test_a_volume_is_deblurred_in_all_three_dimensions(task):
    truth = blobs((8, 16, 14))
    operator = task.operator(as_image(truth), "ZYX")
    margins = np.subtract(operator.estimate_shape(truth.shape), truth.shape) // 2
    whole = torch.from_numpy(np.pad(truth, [(n, n) for n in margins], mode="edge"))
    blurred = operator(whole[None, None])[0, 0].numpy()
    result = run(blurred, task, tiny_config(70, dims=None, stop="none"))
    assert result.report.config.dims == 3
    assert rmse(result.image.data, truth) < rmse(blurred, truth)


def test_the_optics_give_a_psf_of_volumes():
    image = Image(blobs((7, 24, 20)), "ZYX", {"Z": 0.3, "Y": 0.1, "X": 0.1})
    task = Deconvolve(na=1.2, wavelength=0.52)
    assert task.dims == 2
    operator = task.operator(image, "ZYX")
    assert operator.estimate_shape((7, 24, 20))[0] == 13
    assert run(image, task, tiny_config(2, dims=3)).image.shape == (7, 24, 20)


# Fourier


def columns(size=64, share=0.4, middle=8):
    """Return which columns of k-space were recorded: the middle ones, and others at random."""
    recorded = np.random.default_rng(0).random(size) < share
    recorded[(size - middle) // 2 : (size + middle) // 2] = True
    return recorded


def scene():
    """Return a picture with edges."""
    picture = waves()
    picture[16:40, 20:44] += 200
    return picture


@pytest.mark.parametrize(("latent", "iterations"), [("noise", 500), ("observation", 30)])
def test_missing_frequencies_are_filled_in_and_recorded_ones_kept(latent, iterations):
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
def test_coils_with_maps_see_one_image(latent, iterations):
    truth, maps = scene(), smooth_maps()
    aliased = np.arange(64) % 2 == 0  # coils tell apart what falls on one another
    kspace = seen_by(maps, truth)
    config = tiny_config(iterations, latent=latent, stop="none")
    with_maps = napari_dip.reconstruct_fourier(kspace, aliased, maps=maps, config=config)
    task, image = ReconstructKSpace.of_kspace(kspace, aliased, maps=maps)
    zero_filled = task.final(task.enlarged(image)).data
    assert with_maps.shape == (64, 64)
    assert rmse(with_maps, truth) < 0.6 * rmse(zero_filled, truth)
    whole = ReconstructKSpace.of_kspace(kspace, maps=maps)
    np.testing.assert_allclose(whole[0].final(whole[0].enlarged(whole[1])).data, truth, rtol=1e-5)


def test_a_magnitude_is_compared_with_a_real_reference():
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
def test_maps_that_cannot_be_meant_are_refused(maps):
    with pytest.raises(InputError, match="sensitivity maps"):
        ReconstructKSpace.of_kspace(seen_by(smooth_maps(), scene()), maps=maps)
    with pytest.raises(InputError, match="real image"):
        napari_dip.reconstruct_fourier(scene(), columns(), maps=maps)


@pytest.mark.parametrize("complex_numbers", [False, True])
def test_noise_of_frequencies_that_is_known_is_not_put_back(complex_numbers):
    truth, sigma = scene(), 20.0
    noise = np.random.default_rng(0).normal(0, sigma, (2, 64, 64))
    noisy = truth + noise[0] + (1j * noise[1] if complex_numbers else 0)
    recorded = noisy
    if complex_numbers:
        recorded = np.fft.fftshift(np.fft.fft2(np.fft.ifftshift(noisy), norm="ortho"))
    config = tiny_config(20, stop="none")
    believed, told = (
        config.model_copy(update={"noise": "gaussian", "sigma_noise": level})
        for level in (0.01, sigma)
    )
    errors = [
        rmse(napari_dip.reconstruct_fourier(recorded, columns(), config=choice), truth)
        for choice in (believed, told, config)
    ]
    assert max(errors[1:]) < 0.8 * errors[0]


def test_noise_that_was_found_in_kspace_is_told():
    noisy = scene() + np.random.default_rng(0).normal(0, 20.0, scene().shape)
    reports = [
        run(image, ReconstructKSpace(columns()), tiny_config(2)).report
        for image in (noisy, scene())
    ]
    assert reports[0].noise.sigma == pytest.approx(20, rel=0.15)
    assert [any("outermost" in words for words in one.warnings) for one in reports] == [True, False]


@pytest.mark.parametrize("noise", ["poisson", "poisson-gaussian"])
def test_frequencies_have_no_photons(noise):
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
def test_a_mask_of_frequencies_that_cannot_be_meant_is_refused(mask, words):
    with pytest.raises(InputError, match=words):
        run(waves((24, 20)), ReconstructKSpace(mask))


def test_kspace_must_be_complex_and_finite():
    with pytest.raises(InputError, match="complex"):
        ReconstructKSpace.of_kspace(waves())
    with pytest.raises(InputError, match="finite"):
        ReconstructKSpace.of_kspace(np.full((8, 8), np.nan + 0j))
    with pytest.raises(InputError, match="finite"):
        run(np.full((24, 20), np.nan), ReconstructKSpace(np.ones(20)))


@pytest.mark.parametrize(("brain", "mask"), [("25", "gauss2d_30"), ("45", "gauss1d_30")])
def test_a_brain_is_no_worse_than_total_variation_makes_it(shared_data, brain, mask):
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
        for name, one in {"zero-filled": zero_filled, "tv": plain, "ours": result}.items()
    }
    print(
        brain,
        mask,
        {name: f"{20 * np.log10(255 / error):.2f} dB" for name, error in errors.items()},
    )
    assert errors["ours"] < 0.9 * errors["zero-filled"]
    assert errors["ours"] < errors["tv"]
