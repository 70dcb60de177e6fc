"""Views: shifts and flips can be undone."""

from __future__ import annotations

from itertools import islice
from types import SimpleNamespace

import pytest
import torch

from napari_dip.core.latents.augment import View, views

CANVAS = torch.arange(24.0).reshape(1, 1, 4, 6)


def views_of(shuffle):
    return list(islice(views(SimpleNamespace(pixel_shuffle=shuffle)), 4 * shuffle**2))


@pytest.mark.parametrize("view", views_of(2))
def test_undone_view_keeps_shown_pixels_and_completes_the_rest(view):
    known = -CANVAS
    back = view.complete(view.undo(view.apply(CANVAS)), (4, 6), known)
    rows, columns = 4 - view.shifts[0], 6 - view.shifts[1]
    expected = known.clone()
    expected[..., :rows, :columns] = CANVAS[..., :rows, :columns]
    torch.testing.assert_close(back, expected)


def test_shifted_canvas_is_filled_by_reflection():
    shifted = View((1, 2)).apply(CANVAS)
    torch.testing.assert_close(shifted[..., 1:, 2:], CANVAS[..., :-1, :-2])
    torch.testing.assert_close(shifted[..., 0, :], shifted[..., 1, :])
    torch.testing.assert_close(shifted[..., :, [0, 1]], shifted[..., :, [3, 2]])


def test_view_of_a_larger_canvas_shows_the_complete_image():
    view = View((1, 1))
    picture = view.undo(view.apply(CANVAS))[..., :3, :5]
    completed = view.complete(picture, (4, 6), torch.full_like(picture, torch.nan))
    torch.testing.assert_close(completed, CANVAS[..., :3, :5])


def test_completed_pixels_get_no_gradient():
    picture = CANVAS.clone().requires_grad_()
    View((1, 0)).complete(picture, (4, 6), -CANVAS).sum().backward()
    assert picture.grad[..., :3, :].eq(1).all()
    assert picture.grad[..., 3, :].eq(0).all()


def test_views_cover_each_shift_of_the_pixel_shuffle():
    assert {view.shifts for view in views_of(1)} == {(0, 0)}
    assert {view.shifts for view in views_of(2)} == {(0, 0), (0, 1), (1, 0), (1, 1)}
    assert len(set(views_of(4))) == 64
