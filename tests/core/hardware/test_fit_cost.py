"""Cost of a fit: memory and work, for whole planes and for windows."""

from __future__ import annotations

import pytest

from napari_dip.config import LEARNED, PRESETS
from napari_dip.core.hardware.fit_cost import (
    STRIP,
    fit_memory,
    fit_work,
    iteration_work,
    work_done,
)

LEARNED_FIT, WHOLE = LEARNED["balanced"], PRESETS["balanced"]
WINDOW = LEARNED_FIT.window**2


def test_iteration_of_windows_takes_the_same_work_at_any_larger_size():
    assert iteration_work(LEARNED_FIT, 16 * WINDOW) == iteration_work(LEARNED_FIT, WINDOW)
    assert iteration_work(LEARNED_FIT, WINDOW // 4) == iteration_work(LEARNED_FIT, WINDOW) / 4
    assert iteration_work(WHOLE, 16 * WINDOW) == 16 * iteration_work(WHOLE, WINDOW)


def test_work_of_whole_planes_is_that_of_all_iterations():
    assert fit_work(WHOLE, WINDOW) == WHOLE.max_iterations * iteration_work(WHOLE, WINDOW)


def test_work_of_windows_includes_the_estimates_of_the_whole_plane():
    pixels = 64 * WINDOW
    plain = LEARNED_FIT.model_copy(update={"collaborative_filter": False})
    iterations = plain.max_iterations * iteration_work(plain, pixels)
    twice = plain.model_copy(update={"reveal_every": plain.reveal_every // 2})
    first = plain.model_copy(update={"reveal_every": 2 * plain.max_iterations})
    alone, estimates, more = (
        fit_work(settings, pixels) - iterations for settings in (first, plain, twice)
    )
    assert more - estimates == pytest.approx(estimates - alone)
    of_each = (estimates - alone) * plain.reveal_every / plain.max_iterations
    assert of_each > 0
    assert of_each == pytest.approx(alone)
    # They outweigh the iterations in a large plane, and grow with its pixels.
    assert estimates > iterations
    assert fit_work(plain, 2 * pixels) - iterations == pytest.approx(2 * estimates)


def test_work_that_is_done_is_not_left():
    pixels, whole = 4 * WINDOW, fit_work(LEARNED_FIT, 4 * WINDOW)
    for iterations, passes in ((0, 1.0), (0, 3.0), (8, 6.0), (20, 9.0)):
        left = fit_work(LEARNED_FIT, pixels, iterations=iterations, passes=passes)
        done = work_done(LEARNED_FIT, pixels, iterations=iterations, passes=passes)
        assert done + left == pytest.approx(whole)
    # Passes that find the noise level do not stand for later ones.
    assert fit_work(LEARNED_FIT, pixels, passes=9.0) == fit_work(LEARNED_FIT, pixels, passes=3.0)
    assert fit_work(WHOLE, WINDOW, iterations=WHOLE.max_iterations) == 0


def test_similar_patches_add_work_for_each_pixel_channel_and_neighbour():
    stack = LEARNED_FIT.model_copy(update={"neighbours": 2})
    plain = LEARNED_FIT.model_copy(update={"collaborative_filter": False})
    grey, colour = (fit_work(LEARNED_FIT, WINDOW, channels) for channels in (1, 3))
    assert fit_work(plain, WINDOW) < grey < colour < fit_work(stack, WINDOW)
    added = [fit_work(LEARNED_FIT, n * WINDOW) - fit_work(plain, n * WINDOW) for n in (1, 4)]
    assert added[1] == pytest.approx(4 * added[0])


def test_blocks_of_a_residual_network_add_work():
    more = LEARNED_FIT.network.model_copy(update={"blocks": (6, 2, 2)})
    deep = LEARNED_FIT.model_copy(update={"network": more})
    assert iteration_work(deep, WINDOW) == pytest.approx(2 * iteration_work(LEARNED_FIT, WINDOW))


@pytest.mark.parametrize("channels", [1, 3])
def test_memory_is_proportional_to_pixels(channels):
    for settings, side in ((LEARNED_FIT, 512), (WHOLE, 1024)):
        small, large = (fit_memory(settings, n**2, channels) for n in (side, 2 * side))
        assert large == pytest.approx(4 * small, rel=1e-6)


def test_pixels_beyond_a_strip_take_the_memory_of_pictures_only():
    within, beyond = (
        (fit_memory(LEARNED_FIT, 2 * pixels, 1) - fit_memory(LEARNED_FIT, pixels, 1)) / pixels
        for pixels in (STRIP // 2, STRIP)
    )
    assert 0 < beyond < 0.3 * within


def test_windows_take_less_memory_than_a_fit_of_the_whole_plane():
    whole = LEARNED_FIT.model_copy(update={"latent": "observation"})
    assert fit_memory(LEARNED_FIT, 2048**2, 1) < 0.66 * fit_memory(whole, 2048**2, 1)
