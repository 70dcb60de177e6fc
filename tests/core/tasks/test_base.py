"""Every task: shapes, tiles, reports, presets and stopping rules."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import get_args

import numpy as np
import pytest

from napari_dip.api import finish
from napari_dip.config import PRESETS, DipConfig, Stop, TaskName, preset_of
from napari_dip.core.image.image import Image, as_image
from napari_dip.core.networks.build import build_network
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
)
from napari_dip.errors import InputError, NapariDipError, UsageError
from napari_dip.io import images as io
from tests.core.tasks.conftest import HOLE, jpeg_file, run
from tests.tiny import latent_of, tiny_config, tiny_features, waves

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


def test_every_task_is_tested():
    assert set(MAKERS) == set(TASKS)


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize(
    ("axes", "dims"),
    [("YX", 2), ("ZYX", 2), ("CYX", 2), ("YXS", 2), ("ZYX", 3), ("CZYX", 3), ("ZYXS", 3)],
)
def test_task_restores_planes_volumes_channels_and_rgb(name, axes, dims):
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
def test_run_is_repeated_from_its_report_and_arrays(name):
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


def test_report_describes_images_and_holds_small_arrays_in_full(tmp_path):
    mask = HOLE.astype(np.uint8)
    io.write_image(tmp_path / "mask.npy", as_image(mask))
    task = Inpaint(io.read_image(tmp_path / "mask.npy"), labels=(1, 2))
    options = run(waves((24, 20)), task).report.task_options
    assert options["labels"] == [1, 2]
    assert options["mask"] == {
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
    options = run(io.read_image(path), RemoveJpeg(tables), config).report.task_options
    np.testing.assert_array_equal(options["quantisation"]["tables"], tables.tables)
    module = tiny_features().module
    report = run(waves((24, 20)), InvertFeatures(module, "2"), config).report
    assert report.task_options["features"].endswith("Sequential")


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize(("axes", "dims"), [("CYX", 2), ("YXS", 2), ("ZYX", 3)])
def test_task_is_fitted_in_tiles_or_refuses_them(name, axes, dims):
    task, sizes = MAKERS[name](), {"Z": 2, "C": 2, "Y": 24, "X": 20, "S": 3}
    data = np.random.default_rng(0).poisson(100, [sizes[axis] for axis in axes])
    image = Image(data.astype(np.uint16), axes)
    config = tiny_config(2, latent_of(name), dims=dims, tile=16, overlap=2)
    if name in ("fourier", "invert-features"):
        with pytest.raises(NapariDipError, match=r"tiles of 16 pixels for .*complete|grey"):
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
def test_network_of_every_preset_is_built(name, preset, dims):
    settings = preset_of(preset, name, dims)
    network = build_network(settings.network, 3, 1, depth=None if dims == 2 else 16)
    assert sum(p.numel() for p in network.parameters()) > 0


def test_reference_has_the_size_of_the_result():
    result = run(waves((24, 20)), SuperResolve(2), reference=waves((48, 40)))
    assert result.report.psnr is not None
    with pytest.raises(InputError, match="same shape"):
        run(waves((24, 20)), SuperResolve(2), reference=waves((24, 20)))


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("stop", get_args(Stop))
def test_unsupported_stopping_rule_is_refused(name, stop):
    task, config = MAKERS[name](), tiny_config(1, latent_of(name), stop=stop)
    refused = {"blocks"} | ({"heldout"} if name == "invert-features" else set())
    refused |= set() if name == "denoise" else {"sure"}
    if stop in refused:
        with pytest.raises(UsageError, match=f"rule {stop} for {name}; expected one of auto"):
            run(waves((24, 20)), task, config)
    else:
        assert run(waves((24, 20)), task, config).report.iterations == 1
