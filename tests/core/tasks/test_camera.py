"""Camera maps: offset, gain and read noise of each pixel."""

from __future__ import annotations

import numpy as np
import pytest

from napari_dip.core.image.image import as_image
from napari_dip.core.restoration.plan import resolve
from napari_dip.core.restoration.progress import finish
from napari_dip.core.restoration.restore import restore
from napari_dip.core.tasks import Denoise, Guided
from napari_dip.core.tasks.parameters import parameters_of
from napari_dip.errors import InputError
from tests.tiny import tiny_config, waves

SHAPE = (64, 64)
RNG = np.random.default_rng(0)
LIGHT = waves(SHAPE)
OFFSET = 100 + RNG.normal(0, 5, SHAPE)
GAIN = np.exp(RNG.normal(0, 0.1, SHAPE))
VARIANCE = np.where(RNG.random(SHAPE) < 0.1, 900.0, 4.0)
RAW = OFFSET + GAIN * LIGHT


class Lazy:
    """Array without the interface of NumPy."""

    def __init__(self, values: np.ndarray) -> None:
        self._values, self.shape, self.dtype = values, values.shape, values.dtype

    def __getitem__(self, selection):
        return self._values[selection]


def test_offset_and_gain_are_replaced_by_their_medians():
    observed = Denoise(camera_offset=OFFSET, camera_gain=GAIN).observe(as_image(RAW))
    expected = np.median(OFFSET) + np.median(GAIN) * LIGHT
    np.testing.assert_allclose(observed.data, expected, rtol=1e-5)


def test_without_maps_the_image_is_the_same_object():
    image = as_image(RAW)
    assert Denoise().observe(image) is image
    assert Denoise().excess_variance(image) is None


def test_planes_of_a_lazy_stack_share_the_maps():
    stack = np.stack([RAW, 2 * RAW])
    task = Denoise(camera_offset=OFFSET, camera_gain=GAIN, camera_variance=VARIANCE)
    direct, lazy = task.observe(as_image(stack)), task.observe(as_image(Lazy(stack)))
    assert not isinstance(lazy.data, np.ndarray)
    part = (1, slice(5, 20), slice(None))
    np.testing.assert_array_equal(lazy.data[part], direct.data[part])
    excess = task.excess_variance(as_image(stack))
    np.testing.assert_array_equal(excess.data[0], excess.data[1])


def test_a_pixel_without_gain_is_missing():
    gain = GAIN.copy()
    gain[3, 4], gain[5, 6] = 0, np.nan
    observed = np.asarray(Denoise(camera_gain=gain).observe(as_image(RAW)).data)
    assert np.argwhere(np.isnan(observed)).tolist() == [[3, 4], [5, 6]]


def test_excess_variance_is_measured_from_the_typical_pixel():
    excess = np.asarray(Denoise(camera_variance=VARIANCE).excess_variance(as_image(RAW)).data)
    np.testing.assert_allclose(excess, VARIANCE - 4)


@pytest.mark.parametrize("name", ["camera_offset", "camera_gain", "camera_variance"])
def test_a_map_of_another_shape_is_refused(name):
    with pytest.raises(InputError, match=r"Got a camera \w+ of shape \(32, 64\).*expected"):
        Denoise(**{name: np.ones((32, 64))}).check(as_image(RAW), "YX")


def test_maps_without_meaning_are_refused():
    with pytest.raises(InputError, match="expected none below 0"):
        Denoise(camera_variance=-VARIANCE).observe(as_image(RAW))
    with pytest.raises(InputError, match="without a value above 0"):
        Denoise(camera_gain=np.zeros(SHAPE)).observe(as_image(RAW))
    with pytest.raises(InputError, match="without a finite value"):
        Denoise(camera_offset=np.full(SHAPE, np.nan)).observe(as_image(RAW))


@pytest.mark.parametrize("task", [Denoise, Guided])
def test_camera_maps_follow_the_other_parameters(task):
    assert list(parameters_of(task))[-3:] == ["camera_offset", "camera_gain", "camera_variance"]


def test_each_tile_reads_its_part_of_the_variance():
    from napari_dip.core.restoration.block.source import BlockSource

    image = as_image(RAW + RNG.normal(0, 1, SHAPE) * VARIANCE**0.5)
    plan = resolve(image, Denoise(camera_variance=VARIANCE), tiny_config(tile=40, overlap=8))
    source = BlockSource(plan, plan.runtime.device)
    gain = plan.channels[0].scaling.gain
    assert len(plan.blocks) > 1
    for block in plan.blocks:
        problem = source.read(block).problem
        expected = (VARIANCE - 4)[block.selection] / gain**2
        np.testing.assert_allclose(problem.noise.excess[0, 0].numpy(), expected, rtol=1e-5)


@pytest.mark.parametrize("latent", ["observation", "noise"])
def test_a_fit_from_random_weights_uses_the_maps(latent):
    config = tiny_config(3, latent)
    task = Denoise(camera_offset=OFFSET, camera_gain=GAIN, camera_variance=VARIANCE)
    restoration = finish(restore(RAW, task, config))
    assert np.isfinite(restoration.image.data).all()
    assert restoration.report.task_options["camera_variance"]["shape"] == list(SHAPE)


def test_the_first_answer_is_better_with_the_maps():
    from napari_dip import DipConfig

    random = np.random.default_rng(1)
    shape = (128, 128)
    light = waves(shape) / 10
    offset = 100 + random.normal(0, 4, shape)
    variance = 9 * np.exp(random.normal(0, 1.5, shape))
    raw = offset + random.poisson(light) + random.normal(size=shape) * variance**0.5
    config = DipConfig(device="cpu", max_iterations=0)

    def error(task):
        restored = finish(restore(raw, task, config)).image.data
        return float(np.sqrt(np.mean((restored - 100 - light) ** 2)))

    with_maps = error(Denoise(camera_offset=offset, camera_variance=variance))
    assert with_maps < 0.8 * error(Denoise())
