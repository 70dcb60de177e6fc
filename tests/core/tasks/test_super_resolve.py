"""Super-resolution."""

from __future__ import annotations

import pytest
import torch

import napari_dip
from napari_dip.config import preset_of
from napari_dip.core.image.image import Image, as_image
from napari_dip.core.tasks import (
    SuperResolve,
)
from napari_dip.errors import InputError
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
    assert SuperResolve({"z": 8}).preset == SuperResolve({"y": 2, "x": 8}).preset
    for preset in ("balanced", "fast"):
        assert preset_of(preset, "super-resolve-x8") == preset_of(preset, "super-resolve")


def test_factor_along_z_adds_planes_and_reduces_their_spacing():
    image = Image(blobs((6, 24, 20)), "ZYX", {"Z": 2.0, "Y": 0.5, "X": 0.5})
    result = run(image, SuperResolve({"z": 4}))
    assert result.image.shape == (24, 24, 20)
    assert result.image.voxel_size == {"Z": 0.5, "Y": 0.5, "X": 0.5}
    with pytest.raises(InputError, match="factor along z for planes"):
        run(image, SuperResolve({"z": 4}), tiny_config(3, dims=2))
