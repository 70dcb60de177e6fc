from __future__ import annotations

from itertools import islice
from types import SimpleNamespace

import pytest
import torch

from napari_dip.core.latents.augment import View, views

CANVAS = torch.arange(24.0).reshape(1, 1, 4, 6)


def of(shuffle):
    return list(islice(views(SimpleNamespace(pixel_shuffle=shuffle)), 4 * shuffle**2))


@pytest.mark.parametrize("view", of(2))
def test_what_a_view_shows_comes_back_where_it_was_and_the_rest_is_as_it_was_known(view):
    known = -CANVAS
    back = view.complete(view.undo(view.apply(CANVAS)), (4, 6), known)
    rows, columns = 4 - view.shifts[0], 6 - view.shifts[1]
    expected = known.clone()
    expected[..., :rows, :columns] = CANVAS[..., :rows, :columns]
    torch.testing.assert_close(back, expected)


def test_a_shifted_picture_is_continued_by_its_own_mirror_image():
    seen = View((1, 2)).apply(CANVAS)
    torch.testing.assert_close(seen[..., 1:, 2:], CANVAS[..., :-1, :-2])
    torch.testing.assert_close(seen[..., 0, :], seen[..., 1, :])
    torch.testing.assert_close(seen[..., :, [0, 1]], seen[..., :, [3, 2]])


def test_a_canvas_that_is_larger_than_the_picture_shows_all_of_it():
    view = View((1, 1))
    picture = view.undo(view.apply(CANVAS))[..., :3, :5]
    completed = view.complete(picture, (4, 6), torch.full_like(picture, torch.nan))
    torch.testing.assert_close(completed, CANVAS[..., :3, :5])


def test_what_is_known_gets_no_gradient():
    picture = CANVAS.clone().requires_grad_()
    View((1, 0)).complete(picture, (4, 6), -CANVAS).sum().backward()
    assert picture.grad[..., :3, :].eq(1).all()
    assert picture.grad[..., 3, :].eq(0).all()


def test_a_pixel_shuffle_is_seen_at_each_of_its_shifts_and_no_other():
    assert {view.shifts for view in of(1)} == {(0, 0)}
    assert {view.shifts for view in of(2)} == {(0, 0), (0, 1), (1, 0), (1, 1)}
    assert len(set(of(4))) == 64
