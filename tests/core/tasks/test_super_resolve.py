"""Super-resolution."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import napari_dip
from napari_dip.api import finish
from napari_dip.config import DipConfig, FitConfig, preset_of
from napari_dip.core.image.image import Image, as_image
from napari_dip.core.restoration.restore import restore
from napari_dip.core.tasks import Denoise, SuperResolve
from napari_dip.errors import InputError, UsageError
from tests.core.tasks.conftest import blobs, rmse, run
from tests.tiny import tiny_config, waves


def test_result_explains_the_image_after_filtering_and_sampling():
    fine = waves((64, 64))
    operator = SuperResolve(2).operator(as_image(fine), "YX")
    coarse = operator(torch.from_numpy(fine)[None, None])[0, 0].numpy()
    result = napari_dip.super_resolve(coarse, 2, config=tiny_config(400))
    assert result.shape == fine.shape
    again = operator(torch.from_numpy(result)[None, None])[0, 0].numpy()
    assert rmse(again, coarse) < 0.25 * coarse.std()
    assert rmse(result, fine) < 0.3 * fine.std()


@pytest.mark.parametrize("factor", [1, 0, 17, 2.5, {"t": 2}, {}])
def test_rejects_invalid_factors(factor):
    with pytest.raises(InputError, match="factors"):
        run(waves((24, 20)), SuperResolve(factor))


def test_paper_preset_doubles_iterations_from_factor_8_on():
    iterations = {
        factor: preset_of("paper", SuperResolve(factor).preset).max_iterations
        for factor in (2, 7, 8, 16)
    }
    assert iterations == {2: 2000, 7: 2000, 8: 4000, 16: 4000}
    assert SuperResolve({"z": 8}, along_z="fit").preset == SuperResolve({"y": 2, "x": 8}).preset
    for preset in ("balanced", "fast"):
        assert preset_of(preset, "super-resolve-x8") == preset_of(preset, "super-resolve")


def test_factor_along_z_adds_planes_and_reduces_their_spacing():
    image = Image(blobs((6, 24, 20)), "ZYX", {"Z": 2.0, "Y": 0.5, "X": 0.5})
    result = run(image, SuperResolve({"z": 4}))
    assert result.image.shape == (24, 24, 20)
    assert result.image.voxel_size == {"Z": 0.5, "Y": 0.5, "X": 0.5}
    with pytest.raises(InputError, match="factor along z for planes"):
        run(image, SuperResolve({"z": 4}), tiny_config(3, dims=2))


def quick(**choices):
    return DipConfig(max_iterations=20, device="cpu", precision="float32", **choices)


def test_factor_along_z_alone_corrects_the_cubic_interpolation():
    image, shown = Image(blobs((8, 32, 32)), "ZYX"), []
    result = finish(restore(image, SuperResolve({"z": 4}), quick()), shown.append)
    report = result.report
    assert report.config.fit.solver == "axial"
    assert report.diagnostics["corrected"] in (0, 1)
    assert [block.iterations for block in report.blocks] == [20]
    assert shown[0].iteration == 0
    assert shown[0].estimate.shape == result.image.shape == (32, 32, 32)


@pytest.mark.parametrize(
    ("task", "choices"),
    [
        pytest.param(SuperResolve({"z": 4}, along_z="fit"), {}, id="fit"),
        pytest.param(SuperResolve({"z": 4, "y": 2}), {}, id="y-too"),
        pytest.param(SuperResolve({"z": 4}), {"preset": "paper"}, id="paper"),
        pytest.param(SuperResolve({"z": 4}), {"posterior_samples": 2}, id="posterior"),
        pytest.param(SuperResolve({"z": 4}), {"stop": "variance"}, id="variance"),
        pytest.param(SuperResolve({"z": 4}), {"tune": 1.0}, id="tune"),
    ],
)
def test_network_is_fitted_to_the_whole_stack_where_a_correction_does_not_suit(task, choices):
    config = DipConfig(**choices).complete(task.preset, task.dims)
    assert config.fit.solver != "axial"
    assert config.fit == DipConfig(**choices).complete("super-resolve", 3).fit


def test_report_names_a_result_that_is_cubic_interpolation():
    noise = np.random.default_rng(0).normal(100, 10, (8, 64, 64))
    report = run(Image(noise, "ZYX"), SuperResolve({"z": 4}), quick()).report
    assert report.diagnostics["corrected"] == 0
    (warning,) = report.warnings
    assert warning.startswith("The planes between the planes are a cubic interpolation.")


def test_stopped_run_returns_cubic_interpolation_at_least():
    image = Image(blobs((8, 32, 32)), "ZYX")
    report = run(image, SuperResolve({"z": 4}), quick(), stop_requested=lambda: True).report
    assert report.stop_reason == "stop_requested"


def test_correction_is_learnt_in_tiles_and_shown_in_all_of_them():
    image = Image(blobs((8, 48, 48)), "ZYX")
    result = run(image, SuperResolve({"z": 2}, "box"), quick(tile=32, overlap=8))
    assert result.report.tiling.tiles == 4
    assert np.isfinite(result.image.data).all()


def test_correction_keeps_no_state_to_resume():
    image = Image(blobs((8, 32, 32)), "ZYX")
    assert run(image, SuperResolve({"z": 4}), quick(), keep_state=True).checkpoints is None


def test_correction_is_refused_for_other_tasks():
    fit = FitConfig(solver="axial", max_iterations=2)
    with pytest.raises(UsageError, match="factor along z alone"):
        run(waves((24, 20)), Denoise(), DipConfig(fit=fit, device="cpu"))
