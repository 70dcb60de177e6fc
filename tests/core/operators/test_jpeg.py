"""The JPEG operator, compared with files written by Pillow."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image as Picture

from napari_dip.core.noise.model import NoiseModel
from napari_dip.core.operators.jpeg import Jpeg, blockiness
from napari_dip.io import images as io
from tests.tiny import waves

# Subsampling in Pillow: 4:4:4, 4:2:2 and 4:2:0.
SUBSAMPLING = {0: (1, 1), 1: (1, 2), 2: (2, 2)}
# In steps: pixels are rounded to integers twice.
ROUNDING = 0.1


def scene(shape, coloured):
    """Return an image with edges and details, far from black and white."""
    red = waves(shape)
    red[shape[0] // 3 :, : shape[1] // 2] += 40
    red += np.random.default_rng(0).normal(0, 4, shape)
    picture = np.stack([red, red[::-1], 240 - red], axis=-1) if coloured else red
    return picture.clip(20, 235).astype(np.uint8)


def as_tensor(picture):
    return torch.from_numpy(np.atleast_3d(picture).transpose(2, 0, 1).astype(float))[None]


@pytest.fixture
def compressed(tmp_path):
    """Return an image, its decoded JPEG file and the operator of that file."""

    def compress(shape, coloured, quality=10, subsampling=0):
        truth, path = scene(shape, coloured), tmp_path / "small.jpg"
        Picture.fromarray(truth).save(path, quality=quality, subsampling=subsampling)
        found = io.read_quantisation(path)
        assert found.factors == (SUBSAMPLING[subsampling] if coloured else (1, 1))
        assert len(found.tables) == (3 if coloured else 1)
        tables = [torch.from_numpy(np.array(table, float)) for table in found.tables]
        decoded = io.read_image(path).data
        return as_tensor(truth), as_tensor(decoded), Jpeg(tables, found.factors, shape)

    return compress


CASES = [(False, 0), (True, 0), (True, 1), (True, 2)]


@pytest.mark.parametrize(("coloured", "subsampling"), CASES)
@pytest.mark.parametrize("quality", [10, 50])
def test_original_lies_in_the_recorded_bins(compressed, coloured, subsampling, quality):
    truth, decoded, jpeg = compressed((48, 64), coloured, quality, subsampling)
    recorded, where = jpeg.measured(decoded, torch.ones_like(decoded, dtype=torch.bool))
    distance = (jpeg(truth) - recorded).abs()[where]
    # Coefficients of the original lie anywhere within half a step.
    assert 0.3 < float(distance.max()) < 0.5 + ROUNDING * quality / 10
    assert float((distance - 0.5).clamp(min=0).mean()) < 1e-3


@pytest.mark.parametrize(("coloured", "subsampling"), CASES)
def test_measured_coefficients_are_integers(compressed, coloured, subsampling):
    _, decoded, jpeg = compressed((48, 64), coloured, 10, subsampling)
    recorded, where = jpeg.measured(decoded - 128, torch.ones_like(decoded, dtype=torch.bool))
    assert float((recorded - recorded.round()).abs()[where].max()) < ROUNDING
    assert float(recorded[~where].abs().sum()) == 0


@pytest.mark.parametrize(("coloured", "subsampling"), CASES)
def test_measured_coefficients_of_border_blocks_are_close(compressed, coloured, subsampling):
    truth, decoded, jpeg = compressed((37, 51), coloured, 10, subsampling)
    recorded, where = jpeg.measured(decoded, torch.ones_like(decoded, dtype=torch.bool))
    distance = (jpeg(truth) - recorded).abs()
    assert float(distance[where].max()) < 1
    assert float(distance[:, :1, :32, :48].max()) < 0.5 + ROUNDING


@pytest.mark.parametrize(("coloured", "subsampling"), CASES)
def test_lift_inverts_the_transform(compressed, coloured, subsampling):
    truth, _, jpeg = compressed((48, 64), coloured, 10, subsampling)
    coefficients = jpeg(truth)
    torch.testing.assert_close(jpeg(jpeg.lift(coefficients)), coefficients)


@pytest.mark.parametrize(("coloured", "subsampling"), CASES)
def test_nearest_moves_coefficients_into_the_recorded_bins(compressed, coloured, subsampling):
    truth, decoded, jpeg = compressed((48, 64), coloured, 10, subsampling)
    moved = jpeg.nearest(truth + 30, decoded, 0.5)
    recorded, where = jpeg.measured(decoded, torch.ones_like(decoded, dtype=torch.bool))
    assert float((jpeg(moved) - recorded).abs()[where].max()) < 0.5 + 1e-6
    torch.testing.assert_close(jpeg.nearest(moved, decoded, 0.5), moved)
    assert float((jpeg.nearest(truth, decoded, 0.5) - truth).abs().mean()) < 0.05


@pytest.mark.parametrize("coloured", [False, True])
def test_decoded_image_has_more_blockiness_than_the_original(compressed, coloured):
    truth, decoded, jpeg = compressed((32, 48), coloured)
    observation, _ = jpeg.measured(decoded, torch.ones_like(decoded) > 0)
    noise = NoiseModel(0.0, 1.0, 0.0)
    smooth, blocky = (blockiness(jpeg, picture, observation, noise) for picture in (truth, decoded))
    assert smooth < 0.8 * blocky


def test_blockiness_of_one_block_is_none():
    jpeg, picture = Jpeg([torch.ones(8, 8)], (1, 1), (8, 8)), torch.rand(1, 1, 8, 8)
    assert blockiness(jpeg, picture, jpeg(picture), NoiseModel(0.0, 1.0, 0.0)) is None


def test_jpeg_holds_out_no_coefficient(compressed):
    _, decoded, jpeg = compressed((16, 16), coloured=False)
    random = torch.Generator().manual_seed(0)
    valid = torch.ones_like(decoded, dtype=torch.bool)
    draws = torch.stack(
        [jpeg.holdout_scores(valid, random).broadcast_to(valid.shape) for _ in range(200)]
    )
    assert (draws >= 1).all()


def test_jpeg_part_matches_subsampled_chroma_inside_the_margin():
    tables = list(1 + 20 * torch.rand((3, 8, 8), generator=torch.Generator().manual_seed(0)))
    jpeg = Jpeg(tables, (2, 2), (64, 64))
    picture = torch.rand((1, 3, 64, 64), generator=torch.Generator().manual_seed(1)).double()
    assert (jpeg.grid, jpeg.margin(-1)) == (16, 8)
    valid = torch.ones_like(picture, dtype=torch.bool)
    full, _ = jpeg.measured(picture, valid)
    part, _ = jpeg.part((64, 48)).measured(picture[..., 16:], valid[..., 16:])
    # Subsampled chroma lies in the first half of its channel.
    torch.testing.assert_close(part[0, 0], full[0, 0, :, 16:])
    torch.testing.assert_close(part[0, 1, :, 8:24], full[0, 1, :, 16:32], rtol=1e-3, atol=1e-3)
