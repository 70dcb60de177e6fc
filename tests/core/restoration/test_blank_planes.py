"""Planes and regions without data come back unchanged and do not influence the others."""

from __future__ import annotations

import numpy as np
import pytest

from napari_dip import DipConfig, restore
from napari_dip.api import finish
from napari_dip.core.fitting.solvers import SOLVERS
from napari_dip.core.image import typical_planes
from napari_dip.core.image.image import Image
from napari_dip.core.image.typical_planes import sample_planes
from napari_dip.core.restoration.forecast import forecast
from napari_dip.core.tasks import Deconvolve, Inpaint, SuperResolve
from tests.tiny import noisy_waves, tiny_config, waves

SHAPE = (48, 48)


def frame(seed, gain=1.0):
    return gain * (waves(SHAPE) + np.random.default_rng(seed).normal(0, 10, SHAPE))


def lamp_off(sigma=10.0):
    return np.random.default_rng(99).normal(50, sigma, SHAPE)


def recording(dtype=np.uint16):
    """Return 8 frames; frames 3 and 4 are empty, and in frame 6 the lamp is off."""
    frames = np.stack([frame(t) for t in range(8)])
    frames[3:5], frames[6] = 0, lamp_off()
    return np.rint(frames.clip(0)).astype(dtype)


def warm(iterations=12, **choices):
    return tiny_config(iterations, warm_start="on", **choices)


def restored(data, axes, config=None, task=None, **options):
    return finish(restore(Image(data, axes), task, config or tiny_config(6), **options))


class Lazy:
    """An array that records the number of pixels of each reading."""

    def __init__(self, values):
        self.values, self.shape, self.dtype, self.read = values, values.shape, values.dtype, []

    def __getitem__(self, selection):
        part = self.values[selection]
        self.read.append(part.size)
        return part


def test_dropped_frames_come_back_unchanged_and_are_reported():
    frames = recording()
    result = restored(frames, "TYX", warm())
    np.testing.assert_array_equal(result.image.data[3:5], frames[3:5])
    report = result.report
    assert [block.index for block in report.blocks] == [0, 1, 2, 5, 6, 7]
    assert [block.warm for block in report.blocks] == [False, True, True, True, False, True]
    assert sum(block.rollbacks for block in report.blocks) == 0
    assert report.constant.planes == ({"T": 3}, {"T": 4})
    assert report.constant.of_planes == 8
    assert report.constant.pixels == 0
    assert report.blocks_left == 0
    assert [text for text in report.warnings if "one value only: 2 of 8 (T 3, T 4;" in text]
    assert report.as_json()["constant"]["planes"] == [{"T": 3}, {"T": 4}]


def test_reports_nothing_without_a_constant_plane():
    report = restored(np.stack([frame(0), frame(1)]), "TYX").report
    assert report.constant is None
    assert not [text for text in report.warnings if "one value" in text]


@pytest.mark.parametrize("odd", [0, 7, "dark", "dim", "bright"], ids=str)
@pytest.mark.parametrize("places", [(6, 7), (0, 3), (2,)])
def test_unusual_planes_do_not_change_noise_and_scale_of_the_others(odd, places):
    frames = np.stack([frame(t) for t in range(8)])
    kinds = {"dark": lamp_off(), "dim": lamp_off(0.5), "bright": frame(5, 10)}
    odd_one = kinds[odd] if isinstance(odd, str) else np.full(SHAPE, float(odd))
    for place in places:
        frames[place] = odd_one
    good = [t for t in range(8) if t not in places]
    found, expected = restored(frames, "TYX"), restored(frames[good], "TYX")
    assert found.report.noise == expected.report.noise
    if places == (6, 7):  # seeds depend on the position
        np.testing.assert_array_equal(found.image.data[:6], expected.image.data)


@pytest.mark.parametrize("axes", ["ZYX", "TYX"])
@pytest.mark.parametrize("lazy", [False, True])
def test_trailing_blank_planes_change_no_pixel_of_the_others(axes, lazy):
    frames = np.stack([frame(0), frame(1), np.zeros(SHAPE), np.full(SHAPE, 9)])
    found = restored(
        Lazy(frames) if lazy else frames, axes, warm(), out=np.empty(frames.shape, np.float32)
    )
    np.testing.assert_array_equal(found.image.data[2:], frames[2:])
    expected = restored(frames[:2], axes, warm())
    np.testing.assert_array_equal(found.image.data[:2], expected.image.data)


def test_reads_a_lazy_image_plane_by_plane():
    frames = Lazy(recording())
    result = restored(frames, "TYX", warm(), out=np.empty(frames.shape, np.float32))
    np.testing.assert_array_equal(result.image.data[3:5], frames.values[3:5])
    # Only the intensity map reads all of a small image at once.
    assert sorted(frames.read)[-2] <= frames.values[0].size


@pytest.mark.parametrize("value", [0, 7, 65535])
@pytest.mark.parametrize("place", [0, 3, 7])
def test_restores_a_single_plane_with_data(value, place):
    frames = np.full((8, *SHAPE), value, np.uint16)
    frames[place] = frame(0)
    result = restored(frames, "TYX", tiny_config(150))
    blank = [t for t in range(8) if t != place]
    np.testing.assert_array_equal(result.image.data[blank], frames[blank])
    assert result.report.noise.sigma == pytest.approx(10, rel=0.15)
    assert np.std(result.image.data[place] - waves(SHAPE)) < 7


def test_finds_the_only_plane_with_data_of_many(monkeypatch):
    monkeypatch.setattr("napari_dip.core.image.scaling._MAX_SAMPLES", 5 * SHAPE[0] * SHAPE[1])
    frames = np.zeros((60, *SHAPE), np.uint16)
    frames[37] = frame(0)
    result = restored(frames, "ZYX")
    assert [block.index for block in result.report.blocks] == [37]
    assert result.report.noise.sigma == pytest.approx(10, rel=0.15)
    assert len(result.report.constant.planes) == 59
    assert "Z 9 and 49 more" in result.report.warnings[-1]


def test_stack_of_constant_planes_comes_back_unchanged():
    frames = np.stack([np.full(SHAPE, value, np.uint16) for value in (0, 7, 0, 65535)])
    result = restored(frames, "TYX")
    np.testing.assert_array_equal(result.image.data, frames)
    assert result.report.stop_reason == "constant_image"
    assert len(result.report.constant.planes) == 4


def test_missing_plane_stays_missing_and_does_not_count_as_constant():
    frames = np.stack([frame(0), np.full(SHAPE, np.nan), np.full(SHAPE, 3.0), frame(3)])
    frames[2, 4:9, 4] = np.nan
    result = restored(frames, "TYX")
    assert np.isnan(result.image.data[1]).all()
    assert (result.image.data[2] == 3).all()
    assert np.isfinite(result.image.data[[0, 3]]).all()
    assert result.report.constant.planes == ({"T": 2},)
    assert result.report.input.invalid_pixels == SHAPE[0] * SHAPE[1] + 5


def test_empty_slices_of_a_volume_come_back_unchanged():
    volume = np.stack([frame(z) for z in range(8)])
    volume[[0, 1, 7]] = 0
    result = restored(volume, "ZYX", tiny_config(30, dims=3))
    np.testing.assert_array_equal(result.image.data[[0, 1, 7]], 0)
    inner = result.image.data[2:7]
    assert (inner != volume[2:7]).mean() > 0.99
    assert result.report.constant.planes == ({"Z": 0}, {"Z": 1}, {"Z": 7})
    alone = restored(volume[2:7], "ZYX", tiny_config(30, dims=3))
    assert result.report.noise == alone.report.noise
    error = np.std(inner - waves(SHAPE))
    assert error < 1.3 * np.std(alone.image.data - waves(SHAPE))


@pytest.mark.parametrize("axes", ["TCYX", "CTYX", "TYXC"])
@pytest.mark.parametrize("channels", ["joint", "separate"])
def test_finds_blank_planes_in_each_channel(axes, channels):
    data = np.stack([np.stack([frame(t), frame(t + 9, 20)]) for t in range(4)])  # TCYX
    data[1, 0], data[2] = 5, 0
    image = data.transpose(["TCYX".index(axis) for axis in axes])
    found = restored(image, axes, tiny_config(6, channels=channels)).image.data
    found = found.transpose([axes.index(axis) for axis in "TCYX"])
    np.testing.assert_array_equal(found[1, 0], data[1, 0])
    np.testing.assert_array_equal(found[2], data[2])
    assert (found[[0, 3]] != data[[0, 3]]).mean() > 0.99
    assert (found[1, 1] != data[1, 1]).mean() > 0.99


def test_report_lists_blank_planes_by_all_their_axes():
    data = np.stack([np.stack([frame(t), frame(t + 9)]) for t in range(3)])
    data[1, 0] = 5
    for channels in ("joint", "separate"):
        report = restored(data, "TCYX", tiny_config(3, channels=channels)).report
        assert report.constant.planes == ({"T": 1, "C": 0},)
        assert report.constant.of_planes == 6


def test_constant_colour_of_rgb_comes_back_unchanged():
    values = np.stack([frame(0), np.full(SHAPE, 17), frame(2)], axis=-1).astype(np.uint8)
    result = restored(np.stack([values, np.zeros_like(values)]), "TYXS")
    np.testing.assert_array_equal(result.image.data[0, ..., 1], 17)
    np.testing.assert_array_equal(result.image.data[1], 0)
    assert (result.image.data[0, ..., ::2] != values[..., ::2]).mean() > 0.9
    assert result.report.constant.planes == ({"T": 1},)


@pytest.mark.parametrize("dims", [2, 3])
def test_tiles_without_data_come_back_unchanged(dims):
    stack = np.stack([noisy_waves((96, 96)) for _ in range(6)])
    stack[:, :, :40] = 0
    config = tiny_config(4, tile=40, overlap=8, dims=dims)
    result = restored(stack, "ZYX", config)
    np.testing.assert_array_equal(result.image.data[:, :, :40], 0)
    assert (result.image.data[:, :, 40:] != stack[:, :, 40:]).mean() > 0.99
    assert result.report.constant.planes == ()
    assert result.report.constant.pixels == pytest.approx(40 / 96, abs=1e-4)
    assert any("42% of the pixels" in text for text in result.report.warnings)


def test_bright_frame_is_restored_on_its_own_scale():
    frames = np.stack([frame(t) for t in range(5)])
    usual = restored(frames, "TYX", tiny_config(150)).image.data[2]
    frames[2] *= 10
    result = restored(frames, "TYX", tiny_config(150))
    error = np.std(result.image.data[2] / 10 - waves(SHAPE))
    assert error < 1.3 * np.std(usual - waves(SHAPE))
    assert sum(block.rollbacks for block in result.report.blocks) == 0


@pytest.mark.parametrize("sigma", [1e-4, 1.0, 10.0])
def test_dark_frame_becomes_flat(sigma):
    frames = np.stack([frame(t) for t in range(5)])
    frames[2] = lamp_off(sigma)
    result = restored(frames, "TYX", tiny_config(150))
    assert result.image.data[2].mean() == pytest.approx(50, abs=0.2 * sigma + 1e-5)
    assert result.image.data[2].std() < 0.5 * sigma + 1e-5


@pytest.mark.parametrize("latent", ["observation", "noise", "meshgrid"])
@pytest.mark.parametrize("stop", ["auto", "discrepancy", "variance"])
def test_blank_planes_come_back_unchanged_with_every_latent_and_rule(latent, stop):
    frames = recording()[2:7]
    result = restored(frames, "TYX", warm(6, latent=latent, stop=stop))
    np.testing.assert_array_equal(result.image.data[1:3], 0)
    assert np.isfinite(result.image.data).all()


def test_deviation_of_blank_planes_is_zero():
    frames = recording()[2:6]
    for choice in ({"runs": 3}, {"posterior_samples": 4}):
        result = restored(frames, "TYX", tiny_config(8, **choice))
        _, spread = result.uncertainty
        assert not spread[1:3].any()
        assert (spread[[0, 3]] > 0).all()
        np.testing.assert_array_equal(result.image.data[1:3], 0)


@pytest.mark.parametrize("task", [SuperResolve(2), Deconvolve(sigma=1.0)], ids=lambda t: t.name)
def test_blank_planes_come_back_unchanged_in_other_tasks(task):
    frames = np.stack([frame(0), np.full(SHAPE, 12.5), frame(2)])
    result = restored(frames, "ZYX", tiny_config(3, "noise"), task)
    assert (result.image.data[1] == 12.5).all()
    assert result.report.constant.planes == ({"Z": 1},)
    assert result.report.blocks[-1].index == 2


def test_fills_a_hole_in_a_constant_plane_with_its_value():
    frames = np.stack([frame(0), np.full(SHAPE, 12.5), frame(2)])
    mask = np.zeros(SHAPE, bool)
    mask[10:20, 10:20] = True
    result = restored(frames, "ZYX", tiny_config(3, "noise"), Inpaint(mask))
    assert (result.image.data[1] == 12.5).all()


def test_inpainting_fits_flat_areas():
    page = np.full((64, 64), 255.0)
    page[20:40, 8:56] = 30 + noisy_waves((20, 48))
    mask = np.zeros((64, 64), bool)
    mask[4:8, 4:60] = True
    report = restored(page, "YX", tiny_config(3, "noise"), Inpaint(mask)).report
    assert report.constant is None


def test_resumes_a_stack_with_blank_planes():
    frames = recording()[2:6]
    earlier = restored(frames, "TYX", warm(), keep_state=True)
    later = finish(restore(Image(frames, "TYX"), continue_from=earlier))
    np.testing.assert_array_equal(later.image.data[1:3], 0)
    assert [block.continued > 0 for block in later.report.blocks] == [True, True]


@pytest.mark.parametrize("blank", [[0], [1, 2], [3], [0, 3]])
def test_iterations_left_exclude_blank_planes(blank):
    frames = np.stack([frame(t) for t in range(4)])
    frames[blank] = 0
    seen = []
    finish(restore(Image(frames, "TYX"), config=tiny_config(5)), seen.append)
    assert seen[0].iteration + seen[0].iterations_left == 5 * (4 - len(blank))
    assert seen[-1].iterations_left == 0
    assert seen[-1].seconds_left == 0


def test_forecast_measures_the_first_fitted_plane():
    frames = np.stack([np.zeros(SHAPE), frame(1), frame(2)])
    found = forecast(Image(frames, "TYX"), config=tiny_config(5))
    assert found.iterations == 10


def test_time_limit_is_shared_among_planes_with_data(monkeypatch):
    frames = np.stack([frame(0), *np.zeros((8, *SHAPE)), frame(9)])
    given = []

    def spy(*args, time_limit=None, **options):
        given.append(time_limit)
        return original(*args, time_limit=time_limit, **options)

    original = SOLVERS["fit"]
    monkeypatch.setitem(SOLVERS, "fit", spy)
    restored(frames, "TYX", tiny_config(3, time_limit=100))
    assert given[0] == pytest.approx(50, rel=0.05)
    assert given[1] == pytest.approx(100, rel=0.05)


# Regions


def mosaic(n=96):
    y, x = np.mgrid[:n, :n]
    visited = np.abs(y - x) < 22
    return np.where(visited, noisy_waves((n, n), 10), 0), visited


def test_canvas_of_a_mosaic_comes_back_exactly_and_improves_the_rest():
    values, visited = mosaic()
    result = restored(values, "YX", tiny_config(150))
    assert not result.image.data[~visited].any()
    report = result.report
    assert report.constant.planes == ()
    assert report.constant.pixels == pytest.approx((~visited).mean())
    assert report.noise.sigma == pytest.approx(10, rel=0.15)
    error = np.std((result.image.data - waves((96, 96)))[visited])
    without = restored(
        values + np.where(visited, 0, 1e-3 * noisy_waves((96, 96))), "YX", tiny_config(150)
    )
    assert error <= np.std((without.image.data - waves((96, 96)))[visited])


@pytest.mark.parametrize("value", [0, 65535])
def test_padding_does_not_change_noise_and_scale(value):
    values = noisy_waves((64, 64), 10)
    padded = np.pad(values, ((0, 0), (30, 0)), constant_values=value)
    found, expected = restored(padded, "YX"), restored(values, "YX")
    assert found.report.noise.sigma == pytest.approx(expected.report.noise.sigma, rel=1e-6)
    np.testing.assert_array_equal(found.image.data[:, :30], value)


@pytest.mark.parametrize("stack", [False, True])
def test_zeros_of_an_image_of_few_photons_are_fitted(monkeypatch, stack):
    y, x = np.mgrid[:64, :64]
    mean = 0.03 + 0.1 * np.exp(-((y - 32) ** 2 + (x - 32) ** 2) / 200)
    photons = np.random.default_rng(0).poisson(np.broadcast_to(mean, (3, 64, 64)))
    photons = photons if stack else photons[0]
    axes = "TYX" if stack else "YX"
    found = restored(photons, axes)
    for module in ("restoration.block.kept_pixels", "image.scaling", "image.typical_planes"):
        monkeypatch.setattr(
            f"napari_dip.core.{module}.find_constant_regions",
            lambda plane: np.zeros(plane.shape, bool),
        )
    np.testing.assert_array_equal(found.image.data, restored(photons, axes).image.data)
    assert found.report.constant is None


def test_noiseless_drawing_comes_back_exactly():
    drawing = np.zeros((64, 64))
    drawing[20:40, 20:40] = 1
    np.testing.assert_array_equal(restored(drawing, "YX").image.data, drawing)


def test_measures_planes_with_data():
    frames = np.zeros((9, *SHAPE))
    frames[[2, 5]] = frame(2), frame(5)
    planes = sample_planes(Image(frames, "TYX"), 0)
    np.testing.assert_array_equal(planes, frames[[2, 5]])


def test_measures_parts_with_data_of_a_large_plane(monkeypatch):
    monkeypatch.setattr(typical_planes, "_SAMPLE", 32)
    plane = np.zeros((1, 128, 128))
    plane[0, 96:, :20] = np.random.default_rng(0).normal(size=(32, 20))
    planes = sample_planes(Image(plane, "ZYX"), 0)
    assert planes.shape == (1, 32, 32)
    assert planes.std() > 0.5


def test_default_configuration_restores_a_recording_with_dropped_frames():
    frames = recording()[:, :32, :32]
    config = DipConfig(preset="fast", device="cpu", max_iterations=20)
    result = restored(frames, "TYX", config)
    np.testing.assert_array_equal(result.image.data[3:5], frames[3:5])
    assert np.isfinite(result.image.data).all()
