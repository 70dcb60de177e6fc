from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtWidgets import QWidget

from napari_dip.config import DipConfig
from napari_dip.core.restoration.progress import Restoration
from napari_dip.gui.job.job import Choices, job
from napari_dip.gui.results.preview.preview import Preview
from tests.gui.conftest import make_report
from tests.gui.results.test_progress_plot import progress


@pytest.fixture
def viewer():
    return ViewerModel()


@pytest.fixture
def parent(qtbot):
    parent = QWidget()
    qtbot.addWidget(parent)
    return parent


@pytest.fixture
def preview(viewer, parent):
    """Return the preview of a stack of zeros, (3, 4, 5)."""
    return observed(viewer, parent, viewer.add_image(np.zeros((3, 4, 5)), name="cells"))


def observed(viewer, parent, layer, config=None):
    prepared = job(Choices(config or DipConfig()), layer)
    preview = Preview(viewer, prepared, parent)
    preview.observe(np.array(prepared.image.data, dtype=np.float32))
    return preview


def estimate(value, plane=1):
    selection = (plane, slice(None), slice(None))
    return replace(progress(), selection=selection, estimate=np.full((4, 5), value, np.float32))


def restoration(preview):
    image, config = preview.job.image, preview.job.config
    values = np.full(image.shape, 7, np.float32)
    report = make_report(image, config, 3, "held_out_minimum")
    kind = "run_std" if config.runs > 1 else "posterior_std"
    asked = config.runs > 1 or config.posterior_samples is not None
    spread = {kind: np.ones_like(values)} if asked else {}
    return Restoration(image.with_data(values), report, **spread)


@pytest.fixture
def refreshed(monkeypatch):
    """Return the planes that were refreshed."""
    from napari.layers import Image as ImageLayer

    calls = []
    monkeypatch.setattr(ImageLayer, "refresh", lambda self, *_, **__: calls.append(self.name))
    return calls


def test_a_preview_appears_with_the_first_progress(viewer, preview):
    layer = viewer.layers["cells_denoise"]
    assert not layer.visible
    assert not preview.draw(estimate(5))
    assert layer.visible
    np.testing.assert_array_equal(layer.data[1], 5)
    np.testing.assert_array_equal(layer.data[0], 0)  # the observation


def test_the_selection_changes_with_the_first_estimate(viewer, parent):
    source = viewer.add_image(np.zeros((3, 4, 5)), name="cells")
    viewer.add_image(np.zeros((3, 4, 5)), name="others")
    viewer.layers.selection.active = source
    preview = observed(viewer, parent, source)
    assert viewer.layers.selection.active is source
    preview.draw(estimate(5))
    assert viewer.layers.selection.active is viewer.layers["cells_denoise"]


def test_a_run_without_an_estimate_leaves_the_selection(viewer, parent):
    source = viewer.add_image(np.zeros((3, 4, 5)), name="cells")
    viewer.add_image(np.zeros((3, 4, 5)), name="others")
    viewer.layers.selection.active = source
    observed(viewer, parent, source).discard()
    assert viewer.layers.selection.active is source
    assert [layer.name for layer in viewer.layers] == ["cells", "others"]


def test_a_preview_that_the_user_hides_stays_hidden(viewer, preview):
    preview.draw(estimate(5))
    viewer.layers["cells_denoise"].visible = False
    preview.draw(estimate(6))
    preview.finish(restoration(preview))
    assert not viewer.layers["cells_denoise"].visible


def test_a_result_without_an_estimate_before_it_is_shown(viewer, preview):
    (layer,) = preview.finish(restoration(preview))
    assert layer.visible


def test_estimates_are_written_into_the_array(viewer, preview):
    preview.draw(estimate(5))
    before = viewer.layers["cells_denoise"].data
    assert preview.draw(estimate(6, plane=2))
    assert viewer.layers["cells_denoise"].data is before
    np.testing.assert_array_equal(before[2], 6)


@pytest.mark.parametrize(("plane", "count"), [(1, 1), (2, 0)])
def test_only_the_plane_on_the_screen_is_refreshed(viewer, preview, refreshed, plane, count):
    preview.draw(estimate(5))
    viewer.dims.set_current_step(0, 1)
    refreshed.clear()
    preview.refresh(estimate(5, plane))
    assert len(refreshed) == count


def test_every_plane_is_on_the_screen_in_3d(viewer, preview, refreshed):
    preview.draw(estimate(5))
    viewer.dims.ndisplay = 3
    refreshed.clear()
    preview.refresh(estimate(5, plane=2))
    assert len(refreshed) == 1


def test_finds_the_plane_in_a_viewer_with_more_dimensions(viewer, preview, refreshed):
    viewer.add_image(np.zeros((2, 3, 4, 5)), name="movie")
    viewer.dims.set_current_step(1, 1)
    preview.draw(estimate(5))
    refreshed.clear()
    preview.refresh(estimate(5, plane=1))
    preview.refresh(estimate(5, plane=2))
    assert len(refreshed) == 1


def test_result_replaces_the_preview(viewer, preview):
    preview.draw(estimate(5))
    shown = viewer.layers["cells_denoise"]
    shown.metadata = {"mine": 1}
    layers = preview.finish(restoration(preview))
    assert layers == [shown]
    np.testing.assert_array_equal(shown.data, 7)
    assert shown.metadata["mine"] == 1
    assert shown.metadata["napari_dip"]["task"] == "denoise"


def test_a_renamed_preview_becomes_the_result(viewer, preview):
    preview.draw(estimate(5))
    viewer.layers["cells_denoise"].name = "better"
    preview.finish(restoration(preview))
    assert [layer.name for layer in viewer.layers] == ["cells", "better"]


def test_deleted_preview_comes_back_with_the_result(viewer, preview):
    preview.draw(estimate(5))
    viewer.layers.remove("cells_denoise")
    preview.draw(estimate(6))
    preview.refresh(estimate(6))
    assert [layer.name for layer in viewer.layers] == ["cells"]
    preview.finish(restoration(preview))
    assert [layer.name for layer in viewer.layers] == ["cells", "cells_denoise"]


def test_the_source_may_be_deleted(viewer, preview):
    viewer.layers.remove("cells")
    preview.draw(estimate(5))
    preview.finish(restoration(preview))
    assert [layer.name for layer in viewer.layers] == ["cells_denoise"]


def test_a_run_without_progress_still_has_a_result(viewer, preview):
    preview.finish(restoration(preview))
    assert viewer.layers["cells_denoise"].metadata["napari_dip"]["schema"] == 1


@pytest.mark.parametrize("started", [True, False])
def test_discarded_preview_leaves_no_layer(viewer, preview, started):
    if started:
        preview.draw(estimate(5))
    preview.discard()
    assert [layer.name for layer in viewer.layers] == ["cells"]


@pytest.mark.parametrize("rgb", [True, False])
@pytest.mark.parametrize("kind", ["run_std", "posterior_std"])
def test_an_uncertainty_is_a_layer_of_its_own(viewer, parent, rgb, kind):
    source = viewer.add_image(np.zeros((4, 5, 3), np.uint8), rgb=rgb, name="cells")
    choice = {"runs": 2} if kind == "run_std" else {"posterior_samples": 5}
    preview = observed(viewer, parent, source, DipConfig(**choice))
    result, spread = preview.finish(restoration(preview))
    assert spread.name == f"cells_denoise_{kind}"
    assert not spread.visible
    assert not spread.rgb
    assert spread.units == result.units
    np.testing.assert_array_equal(spread.data, 1)


def test_rgb_keeps_its_dtype_so_that_napari_shows_it(viewer, parent):
    source = viewer.add_image(np.zeros((4, 5, 3), np.uint8), rgb=True, name="photo")
    prepared = job(Choices(DipConfig()), source)
    preview = Preview(viewer, prepared, parent)
    preview.observe(source.data.copy())
    colours = np.full((4, 5, 3), 300, np.float32)
    preview.draw(replace(progress(), selection=(slice(None),) * 3, estimate=colours))
    layer = viewer.layers["photo_denoise"]
    assert (layer.data.dtype, layer.rgb) == (np.uint8, True)
    np.testing.assert_array_equal(layer.data, 255)


def test_contrast_of_a_result_follows_its_own_range(viewer, parent):
    hot = np.linspace(80, 1400, 4 * 500, dtype=np.float32).reshape(4, 500)
    hot[0, :20] = 60000
    source = viewer.add_image(hot, contrast_limits=(86, 60000), colormap="magma")
    preview = observed(viewer, parent, source)
    values = np.linspace(90, 1460, 4 * 500, dtype=np.float32).reshape(4, 500)
    early = replace(
        progress(),
        selection=(slice(None), slice(None)),
        estimate=values,
        iteration=1,
        max_iterations=100,
    )
    preview.draw(early)
    assert preview.layer.contrast_limits == [86, 60000]
    preview.draw(replace(early, iteration=50))
    assert preview.layer.contrast_limits == pytest.approx([90, 1460], rel=0.05)
    result = restoration(preview)
    (layer,) = preview.finish(replace(result, image=result.image.with_data(values * 2)))
    assert layer.contrast_limits == pytest.approx([180, 2920], rel=0.05)
    assert layer.colormap.name == "magma"


def test_contrast_limits_of_the_user_stay(viewer, parent):
    source = viewer.add_image(np.zeros((4, 5)), contrast_limits=(0, 1000))
    preview = observed(viewer, parent, source)
    result = restoration(preview)
    values = np.arange(20, dtype=np.float32).reshape(4, 5)
    preview.draw(
        replace(progress(), selection=(slice(None), slice(None)), estimate=values, iteration=0)
    )
    preview.layer.contrast_limits = (0, 7)
    (layer,) = preview.finish(replace(result, image=result.image.with_data(values)))
    assert layer.contrast_limits == [0, 7]
