"""Recorrupted latent: independent noises, hidden pixels, windows and the network's input."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch

from napari_dip.config import FitConfig, NetworkConfig
from napari_dip.core.latents.build import build_latent, latent_channels
from napari_dip.core.latents.level_input import network_input
from napari_dip.core.networks.build import build_network
from napari_dip.core.noise.model import NoiseModel
from napari_dip.core.noise.stabilise import Stabiliser
from napari_dip.core.operators.blur import GaussianBlur
from napari_dip.core.problem import make_problem
from napari_dip.errors import InputError

GAUSSIAN = NoiseModel(0.0, 0.04, 1e-6)
PHOTONS = NoiseModel(0.01, 0.0, 1e-6)


def make(
    values,
    noise=GAUSSIAN,
    fitted=None,
    operator=None,
    shuffle=2,
    neighbours=None,
    excess=None,
    known=None,
    **choices,
):
    """Return the latent of an image (C, Y, X), its network and its problem."""
    settings = FitConfig(
        network=NetworkConfig(
            name="residual-unet", channels=(4, 4), skip_channels=0, pixel_shuffle=shuffle
        ),
        latent="recorrupted",
        **choices,
    )
    values = np.asarray(values, np.float32)
    problem = make_problem(
        values,
        np.ones_like(values, bool) if known is None else known,
        [noise] * len(values),
        (0.0, 1.0),
        torch.device("cpu"),
        operator=operator,
        neighbours=neighbours,
        excess=excess,
    )
    network = build_network(settings.network, latent_channels(settings, problem), len(values))
    fitted = torch.ones(1, *values.shape) if fitted is None else fitted
    random = torch.Generator().manual_seed(0)
    return build_latent(problem, network, settings, fitted, random), network, problem


def flat(noise, level=0.5, shape=(1, 256, 256)):
    """Return a flat image with noise."""
    random = np.random.default_rng(0)
    if noise.slope:
        return noise.slope * random.poisson(level / noise.slope, shape)
    return random.normal(level, noise.intercept**0.5, shape)


def two_levels(noise, level, side=256):
    """Return an image with noise, whose right half has four times the intensity `level`."""
    halves = [flat(noise, bright, (1, side, side // 2)) for bright in (level, 4 * level)]
    return np.concatenate(halves, axis=2)


def stabilised(problem, level):
    """Return a stabilised intensity."""
    return float(Stabiliser(problem.noise, level)(torch.full((1, 1, 1, 1), level)))


def counted(shape):
    """Return an image in which all pixels differ: pixel number / number of pixels."""
    return np.arange(np.prod(shape)).reshape(shape) / np.prod(shape)


@pytest.mark.parametrize("strength", [0.5, 1.0, 2.0])
@pytest.mark.parametrize(
    ("noise", "level"),
    [(GAUSSIAN, 0.5), (PHOTONS, 0.5), (PHOTONS, 0.005)],
    ids=["Gaussian", "50 photons", "half a photon"],
)
def test_noises_of_input_and_target_are_uncorrelated(noise, level, strength):
    latent, _, problem = make(two_levels(noise, level), noise, recorruption=strength, window=256)
    draw = latent.draw()  # not flipped
    for half, bright in ((slice(0, 128), level), (slice(128, 256), 4 * level)):
        start, target = (part[0, 0, :, half].flatten() for part in (draw.start, draw.target))
        _, deviation = Stabiliser(problem.noise, level).moments(torch.full((1, 1, 1, 1), bright))
        assert float(start.std() / deviation) == pytest.approx((1 + strength**2) ** 0.5, rel=0.05)
        assert float(target.std() / deviation) == pytest.approx((1 + strength**-2) ** 0.5, rel=0.05)
        correlation = np.corrcoef(start.numpy(), target.numpy())[0, 1]
        assert correlation == pytest.approx(0, abs=0.04)


@pytest.mark.parametrize("level", [0.002, 0.01, 0.05, 0.5])
def test_target_has_no_bias_at_few_photons(level):
    latent, _, problem = make(two_levels(PHOTONS, level), PHOTONS, window=256)
    target = latent.draw().target
    for half, bright in ((target[..., :128], level), (target[..., 128:], 4 * level)):
        assert float(half.mean()) == pytest.approx(stabilised(problem, bright), abs=0.06)


@pytest.mark.parametrize("noise", [GAUSSIAN, PHOTONS], ids=["Gaussian", "photons"])
@pytest.mark.parametrize("strength", [0.5, 1.0, 2.0])
def test_loss_of_a_perfect_network_is_1(noise, strength):
    latent, _, problem = make(two_levels(noise, 0.5), noise, recorruption=strength, window=256)
    draw = latent.draw()
    truth = torch.full_like(draw.start, stabilised(problem, 0.5))
    truth[..., 128:] = stabilised(problem, 2.0)
    difference = draw.estimate(truth - draw.start) - draw.target
    assert float((difference.square() * draw.weights).mean()) == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("level", [0.02, 0.5])
def test_flat_image_is_not_bent_by_a_line_that_was_measured_by_chance(level):
    steep = NoiseModel(2 * PHOTONS.slope, -PHOTONS.slope * level, 1e-6)  # right at this level
    latent, _, _ = make(flat(PHOTONS, level), steep, window=256)
    (draw, *_) = latent.reveal()
    values = torch.linspace(0.1, 2, 100).mul(level).reshape(1, 1, 10, 10)
    steps = draw.to_intensity(values / level).flatten().diff()
    torch.testing.assert_close(steps, steps.mean().expand(99), rtol=1e-3, atol=0)
    noise = draw.start.std()
    assert float(noise) == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("noise", [GAUSSIAN, PHOTONS], ids=["Gaussian", "photons"])
@pytest.mark.parametrize("channels", [1, 3])
def test_no_pixel_that_is_not_fitted_reaches_the_network(noise, channels):
    fitted = torch.ones(1, channels, 48, 48)
    fitted[:, -1, ::5, ::7] = 0  # hidden in one channel: hidden in all
    values = flat(noise, shape=(channels, 48, 48))
    seen = []
    for value in (0.0, 1e4):
        changed = np.where(fitted[0, -1:] > 0, values, value)
        latent, _, _ = make(changed, noise, fitted=fitted, window=64)
        draws = [*(latent.draw() for _ in range(4)), *latent.judge()]
        seen.append([(draw.latent, draw.start, draw.weights) for draw in draws])
    for first, second in zip(*seen, strict=True):
        for one, other in zip(first, second, strict=True):
            torch.testing.assert_close(one, other)


@pytest.mark.parametrize("channels", [1, 3])
def test_pixels_that_are_not_fitted_have_no_weight(channels):
    fitted = torch.ones(1, channels, 48, 48)
    fitted[:, 0, 10:20, 5:30] = 0
    latent, _, _ = make(flat(GAUSSIAN, shape=(channels, 48, 48)), fitted=fitted, window=64)
    hidden = 1 - fitted[:, :1]
    for draw in (latent.draw() for _ in range(4)):
        # Flips are undone by the view of the revealed draw with the same flips.
        assert float((draw.weights > 0).float().mean()) == pytest.approx(1 - float(hidden.mean()))
    for draw in latent.judge():
        assert torch.equal(draw.weights > 0, (1 - hidden).expand_as(draw.weights) > 0)


def test_estimate_sees_held_out_pixels_but_the_judge_does_not():
    fitted, values = torch.ones(1, 1, 48, 48), flat(GAUSSIAN, shape=(1, 48, 48))
    fitted[..., 5, 7] = 0
    changed = values.copy()
    changed[0, 5, 7] += 1
    shown = [make(seen, fitted=fitted)[0] for seen in (values, changed)]
    revealed, judged = (
        [next(iter(getattr(latent, name)())).latent for latent in shown]
        for name in ("reveal", "judge")
    )
    assert not torch.allclose(*revealed)
    torch.testing.assert_close(*judged)


def test_finished_estimate_has_the_mean_of_the_observation_in_every_region():
    values = two_levels(GAUSSIAN, 0.5)
    latent, _, problem = make(values)
    finished = latent.finish(problem.observation * torch.linspace(0.8, 1.1, 256))
    for region in (np.s_[..., 80:160, 60:100], np.s_[..., 80:160, 160:200]):
        expected = float(problem.observation[region].mean())
        assert float(finished[region].mean()) == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize(
    ("shape", "window"),
    [((72, 88), 64), ((20, 120), 64), ((33, 47), 32), ((5, 7), 32), ((1, 1), 32)],
    ids=["larger", "narrower", "odd", "smaller", "one pixel"],
)
@pytest.mark.parametrize("channels", [1, 3])
def test_each_draw_is_a_window_of_the_canvas(shape, window, channels):
    values = counted((channels, *shape))
    # So much noise is added that none is left in the target.
    latent, network, problem = make(values, recorruption=1e6, window=window)
    canvas = network.canvas(shape)
    whole = make(values, recorruption=1e6, window=4096)[0].draw().target  # drawn without flips
    assert whole.shape == (1, channels, *canvas)
    torch.testing.assert_close(
        whole[..., : shape[0], : shape[1]], problem.observation / 0.2, atol=1e-3, rtol=0
    )
    sides = tuple(min(window, size) for size in canvas)
    windows = torch.nn.functional.unfold(whole[:, :1], sides)[0].T.reshape(-1, *sides)
    flips = [(), (-1,), (-2,), (-2, -1)]
    for draw in (latent.draw() for _ in range(12)):
        assert draw.target.shape == draw.start.shape == draw.weights.shape == (1, channels, *sides)
        assert network(draw.latent).shape == draw.target.shape
        found = [
            float((windows - draw.target[0, 0].flip(flip)).abs().amax((1, 2)).min())
            for flip in flips
        ]
        assert min(found) < 1e-3


def test_windows_cover_the_image():
    latent, _, _ = make(counted((1, 96, 96)), recorruption=1e6, window=32)
    shown = torch.cat([latent.draw().target.flatten() for _ in range(200)]).mul(0.2 * 96**2)
    assert len(shown.round().unique()) > 0.95 * 96**2


def test_draws_are_flipped_in_four_ways():
    latent, _, _ = make(counted((1, 32, 32)), recorruption=1e6, window=32)
    corners = {
        tuple(draw.target[0, 0, [0, 0, -1, -1], [0, -1, 0, -1]].mul(10).round().tolist())
        for draw in (latent.draw() for _ in range(4))
    }
    assert len(corners) == 4


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("shape", [(16, 24), (13, 21), (3, 5)])
def test_estimate_of_a_network_without_effect_is_the_observation(channels, shape):
    latent, network, problem = make(flat(PHOTONS, shape=(channels, *shape)), PHOTONS)
    canvas = network.canvas(shape)
    draws = [*latent.reveal(), *latent.reveal()]
    assert {draw.view.flips for draw in draws} == {(), (-1,), (-2,), (-2, -1)}
    for draw in draws:
        assert network(draw.latent).shape[2:] == canvas
        estimate = draw.estimate(torch.zeros(1, channels, *shape))
        torch.testing.assert_close(estimate, problem.observation, atol=1e-4, rtol=0)


@pytest.mark.parametrize("resumed", [False, True])
def test_estimates_take_half_of_the_views_by_turns(resumed):
    latent, _, _ = make(flat(PHOTONS))
    next(latent.reveal())  # one view shown in advance does not count
    if resumed:
        latent.skip(8, 1)
    else:
        assert len(list(latent.reveal())) == 2
    turns = [{draw.view.flips for draw in latent.reveal()} for _ in range(3)]
    assert turns[0] == turns[2]
    assert [len(views) for views in turns] == [2, 2, 2]
    assert turns[0] | turns[1] == {(), (-1,), (-2,), (-2, -1)}


def test_without_a_fit_one_view_is_beside_the_one_that_judges():
    latent, _, _ = make(flat(PHOTONS), max_iterations=0)
    (shown,), (judged,) = latent.reveal(), latent.judge()
    assert {shown.view.flips, judged.view.flips} == {(), (-2, -1)}


def test_revealed_views_hold_the_observation_without_more_noise():
    latent, _, problem = make(counted((1, 16, 16)))
    standard = (problem.observation / 0.2 - latent.mean) / latent.deviation
    for draw in latent.reveal():
        picture = torch.nn.functional.pixel_shuffle(draw.latent[:, :4], 2)
        torch.testing.assert_close(draw.view.undo(picture), standard, atol=1e-4, rtol=1e-4)


def test_network_learns_the_noise_level_of_what_it_sees():
    latent, _, _ = make(flat(GAUSSIAN), recorruption=2.0)
    level = float(1 / latent.deviation)
    assert level == pytest.approx(1, abs=0.02)  # a flat image is noise alone
    assert float(next(latent.reveal()).latent[:, -1].unique()) == pytest.approx(level)
    drawn = latent.draw().latent
    assert float(drawn[:, -1].unique()) == pytest.approx(5**0.5 * level)
    assert float(drawn[:, :4].std()) == pytest.approx(5**0.5 * level, rel=0.05)


def test_skipped_draws_continue_with_the_next_flip():
    first, _, _ = make(counted((1, 32, 32)), recorruption=1e6, window=32)
    second, _, _ = make(counted((1, 32, 32)), recorruption=1e6, window=32)
    second.skip(6, 0)
    (expected,) = islice((first.draw() for _ in range(7)), 6, 7)
    torch.testing.assert_close(second.draw().target, expected.target, atol=1e-3, rtol=0)


@pytest.mark.parametrize("shuffle", [1, 2])
@pytest.mark.parametrize("channels", [1, 3])
def test_network_input_has_images_mask_and_noise_level(shuffle, channels):
    standard = torch.randn(2, channels, 8, 12)
    visible = torch.ones(2, 1, 8, 12)
    visible[0, 0, 3, 4] = 0
    level = torch.tensor([0.5, 2.0]).reshape(2, 1, 1, 1)
    shown = network_input(standard, visible, level, shuffle)
    count = shuffle**2
    assert shown.shape == (2, count * (channels + 1) + 1, 8 // shuffle, 12 // shuffle)
    pictures = torch.nn.functional.pixel_shuffle(shown[:, : count * (channels + 1)], shuffle)
    assert torch.equal(pictures[:, :channels], standard)
    expected = torch.zeros(2, 1, 8, 12)
    expected[0, 0, 3, 4] = 0.5
    assert torch.equal(pictures[:, channels:], expected)
    assert torch.equal(shown[:, -1:], level.expand(2, 1, *shown.shape[2:]))


def test_constant_image_is_standardised_to_finite_values():
    latent, _, _ = make(np.full((1, 16, 16), 0.3))
    for draw in (latent.draw(), *latent.reveal()):
        assert bool(torch.isfinite(draw.latent).all())


def test_image_without_fitted_pixels_is_finite():
    latent, _, _ = make(flat(GAUSSIAN, shape=(1, 16, 16)), fitted=torch.zeros(1, 1, 16, 16))
    for draw in (latent.draw(), *latent.reveal()):
        assert bool(torch.isfinite(draw.latent).all())


def test_rejects_volumes():
    with pytest.raises(InputError, match="denoising planes"):
        make(np.zeros((1, 4, 16, 16)))


def test_rejects_other_operators():
    with pytest.raises(InputError, match="denoising planes"):
        make(np.zeros((1, 32, 32)), operator=GaussianBlur((1.0, 1.0), "YX"))


def change_of(latent, level):
    """Return an output of the network that removes noise of a deviation."""
    shape = latent.probe().start.shape
    return level * torch.randn(shape, generator=torch.Generator().manual_seed(1))


def structured(noise, contrast):
    """Return a smooth wave of a contrast, in deviations of the noise, with the noise."""
    x = np.linspace(0, 4 * np.pi, 256)
    wave = contrast * noise.intercept**0.5 * np.sin(x) * np.ones((1, 256, 1))
    return wave + flat(noise)


@pytest.mark.parametrize(
    ("contrast", "removed", "expected"),
    [(20, 0.8, 0.8), (40, 0.05, 0.1), (10, 0.1, 0.78), (20, 1.5, 1.0), (3, 0.5, 1.0)],
    ids=["little noise", "least", "between", "more removed", "much noise"],
)
def test_level_of_little_noise_falls_to_what_is_removed(contrast, removed, expected):
    latent, _, _ = make(structured(GAUSSIAN, contrast))
    latent.correct_level(change_of(latent, removed))
    assert latent.level == pytest.approx(expected, abs=0.04)
    assert latent.findings() == {"noise_factor": latent.level}


def test_correction_of_the_level_ends_where_it_is_settled():
    latent, _, _ = make(structured(GAUSSIAN, 40))
    changes = [latent.correct_level(change_of(latent, removed)) for removed in (0.7, 0.5, 0.5)]
    assert changes == [True, True, False]


def test_level_of_coarse_noise_rises_to_what_is_removed_within_a_bound():
    latent, _, _ = make(flat(GAUSSIAN), replace(GAUSSIAN, grain=1.0))
    for removed, expected in ((1.1, 1.1), (2.0, 1.2), (0.5, 1.0)):
        latent.correct_level(change_of(latent, removed))
        assert latent.level == pytest.approx(expected, abs=0.03)


def test_corrected_level_is_what_the_network_sees_and_what_is_drawn():
    latent, _, _ = make(structured(GAUSSIAN, 20), window=256)
    (shown, *_), drawn = latent.reveal(), latent.draw()  # not flipped
    latent.level = 0.5
    (again, *_), weaker = latent.reveal(), latent.draw()
    torch.testing.assert_close(again.latent[:, -1], shown.latent[:, -1] / 2)
    noise = float((drawn.start - shown.start).std())
    added = weaker.start.flip(weaker.latent.ndim - 1) - shown.start
    assert float(added.std()) == pytest.approx(noise / 2, rel=0.05)
    torch.testing.assert_close(weaker.weights, 4 * drawn.weights)


@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_neighbours_follow_the_image_in_the_input_and_missing_pixels_are_filled(missing):
    values = flat(GAUSSIAN, shape=(1, 32, 32)).astype(np.float32)
    neighbours = flat(GAUSSIAN, 0.7, (4, 32, 32)).astype(np.float32)
    neighbours[:, np.random.default_rng(1).random((32, 32)) < missing] = np.nan
    latent, _, problem = make(values, neighbours=neighbours)
    shown = next(latent.reveal()).latent
    assert shown.shape[1] == 4 * (1 + 4 + 1) + 1
    assert bool(torch.isfinite(shown).all())
    planes = torch.nn.functional.pixel_shuffle(shown[:, :20], 2)
    stable = Stabiliser(problem.noise, 0.5)(torch.from_numpy(neighbours)[None])
    expected = (stable - latent.mean) / latent.deviation
    known = torch.isfinite(expected)
    torch.testing.assert_close(planes[:, 1:][known], expected[known], rtol=1e-3, atol=1e-3)


def test_pixels_of_strong_noise_are_shown_by_their_neighbours_and_count_less():
    values = flat(GAUSSIAN)
    excess = np.zeros_like(values, np.float32)
    excess[..., ::4, ::4] = 99 * GAUSSIAN.intercept
    hot = excess[0] > 0
    random = np.random.default_rng(1)
    values = values + excess**0.5 * random.normal(size=values.shape)
    latent, _, _ = make(values, excess=excess)
    draw = latent.probe()
    shown = draw.start[0, 0].numpy() * 0.2 - 0.5  # the standard deviation of the noise is 0.2
    assert shown[hot].std() < 0.3
    assert shown[~hot].std() == pytest.approx(0.2, rel=0.1)


def test_added_noise_and_weights_follow_the_variance_of_each_pixel():
    values = flat(GAUSSIAN)
    excess = np.full_like(values, 3 * GAUSSIAN.intercept, np.float32)
    excess[..., :128] = 0
    latent, _, _ = make(values, excess=excess, window=256)
    draw = latent.draw()
    assert float(draw.weights.max() / draw.weights.min()) == pytest.approx(4, rel=1e-3)
    noisy = draw.weights < draw.weights.mean()
    assert float(draw.target[noisy].std() / draw.target[~noisy].std()) == pytest.approx(
        1.5, abs=0.6
    )


def never(draw):
    raise AssertionError("no estimate of a neighbour is needed")


def stripes_and_blurred(noise=GAUSSIAN, known=None, missing=0.0, **choices):
    """Return latent and estimate of stripes that are weaker in the estimate, and the stripes."""
    truth = np.float32(np.arange(96) // 4 % 2).reshape(1, 1, 96).repeat(64, axis=1)
    values = truth + np.random.default_rng(0).normal(0, 0.2, truth.shape)
    if known is not None:
        values = np.where(known, values, missing)
    choices = {"collaborative_filter": True, **choices}
    latent, _, problem = make(values, noise, known=known, **choices)
    return latent, problem, torch.from_numpy(0.8 * truth + 0.1)[None], torch.from_numpy(truth)[None]


@pytest.mark.parametrize("noise", [GAUSSIAN, NoiseModel(0.02, 0.03, 1e-6)])
def test_similar_patches_refine_an_estimate(noise):
    latent, _, estimate, truth = stripes_and_blurred(noise)
    refined = latent.refine(estimate, never, lambda: False)
    assert (refined - truth).square().mean() < 0.65 * (estimate - truth).square().mean()


def test_missing_pixels_do_not_reach_a_refined_estimate():
    results = []
    for missing in (0.0, 100.0):
        known = np.ones((1, 64, 96), bool)
        known[:, 20:30, 30:40] = False
        latent, _, estimate, _ = stripes_and_blurred(known=known, missing=missing)
        results.append(latent.refine(estimate, never, lambda: False))
    assert torch.equal(*results)


def test_neighbours_are_estimated_with_their_own_neighbours():
    random = np.random.default_rng(1)
    stack = random.normal(0, 0.2, (4, 64, 96)).astype(np.float32)
    latent, _, estimate, _ = stripes_and_blurred(neighbours=stack)
    draws = []

    def estimate_of(draw):
        draws.append(draw)
        return draw.estimate(torch.zeros_like(draw.start))

    latent.refine(estimate, estimate_of, lambda: False)
    pictures = torch.cat([draw.estimate(0.0) for draw in draws])
    expected = {at: torch.from_numpy(plane) for at, plane in enumerate(stack)}
    for picture in pictures:
        closest = min(float((picture[0] - plane).abs().max()) for plane in expected.values())
        assert closest < 1e-5
    assert len(draws) == len(stack)
    assert len({draw.latent.sum().item() for draw in draws}) == len(stack)


@pytest.mark.parametrize(
    "choices",
    [
        {"collaborative_filter": False},
        {"noise": replace(GAUSSIAN, grain=0.8)},
        {"neighbours": np.zeros((2, 64, 96), np.float32)},
    ],
)
def test_estimate_is_not_refined_with_coarse_noise_or_without_adjacent_planes(choices):
    latent, _, estimate, _ = stripes_and_blurred(**choices)
    assert latent.refine(estimate, never, lambda: False) is estimate
