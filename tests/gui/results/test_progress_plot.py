from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtGui import QColor, QFontMetrics, QPalette

from napari_dip.core.restoration.progress import Progress
from napari_dip.gui.results.progress_plot import ProgressPlot, _limits, _ticks, describe


def progress(iteration=1, block=0, blocks=1, loss=1.0, heldout=None, seconds=1.0, left=9.0):
    return Progress(
        block=block,
        blocks=blocks,
        selection=(slice(None), slice(None)),
        iteration=iteration,
        max_iterations=100,
        seconds=seconds,
        iterations_left=0,
        seconds_left=left,
        loss=loss,
        heldout_error=heldout,
        selected_iteration=max(1, iteration - 1),
        estimate=np.zeros((2, 2), np.float32),
    )


@pytest.fixture
def plot(qtbot):
    plot = ProgressPlot()
    qtbot.addWidget(plot)
    return plot


def curve(plot, name):
    x, y = getattr(plot, f"_{name}").getOriginalDataset()
    return [] if x is None else list(zip(x, y, strict=True))


def test_curves_and_marker_follow_the_fit(plot):
    plot.add(progress(1, loss=8.0, heldout=9.0))
    plot.add(progress(20, loss=2.0, heldout=3.0))
    plot.draw()
    assert curve(plot, "loss") == [(1, 8), (20, 2)]
    assert curve(plot, "heldout") == [(1, 9), (20, 3)]
    assert plot._marker.value() == 19
    assert not plot._section.isHidden()


@pytest.mark.parametrize(
    "following",
    [pytest.param({"block": 1}, id="block"), pytest.param({"iteration": 1}, id="run")],
)
def test_a_new_block_or_run_starts_a_new_curve(plot, following):
    plot.add(progress(1))
    plot.add(progress(20))
    plot.add(progress(**{"iteration": 30, **following}))
    plot.draw()
    assert len(curve(plot, "loss")) == 1


def test_shows_the_curves_of_an_earlier_block(plot):
    for block, loss in ((0, 8.0), (1, 5.0)):
        plot.add(progress(3, block=block, loss=loss))
    plot.select(0, 2)
    plot.draw()
    assert curve(plot, "loss") == [(3, 5)]
    plot.show_block(0)
    assert curve(plot, "loss") == [(3, 8)]
    assert plot._marker.value() == plot.selected(0) == 2
    plot.mark(1)
    assert plot._cursor.value() == 1
    plot.mark(None)
    assert not plot._cursor.isVisible()


def test_values_without_a_logarithm_are_left_out(plot):
    plot.add(progress(1, loss=0.0, heldout=None))
    plot.add(progress(2, loss=float("inf"), heldout=1.0))
    plot.draw()
    assert np.isnan(curve(plot, "loss")[0][1])


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        pytest.param(0.9, 30.0, ["1", "2", "5", "10", "20"], id="decades"),
        pytest.param(1.2, 1.8, ["1.2", "1.4", "1.6", "1.8"], id="narrow"),
        pytest.param(0.93, 1.03, ["0.94", "0.96", "0.98", "1", "1.02"], id="around one"),
        pytest.param(3.0, 4e6, ["10", "1000", "1e5", "2e6"], id="many decades"),
    ],
)
def test_axis_has_few_round_ticks(low, high, labels):
    assert [text for _, text in _ticks(low, high)] == labels


@pytest.mark.parametrize("high", [1.05, 2.0, 2.9, 7.0, 80.0, 3e7])
def test_labels_of_the_axis_do_not_overlap(plot, high):
    plot.resize(280, 400)
    positions = [position for position, _ in _ticks(0.97, high)]
    height = 90  # of the axis [pixels]
    pixels = np.diff(positions) / np.log10(high / 0.97) * height
    assert len(positions) >= 2
    assert pixels.min() >= QFontMetrics(plot.font()).ascent()


def test_limits_leave_out_the_first_fall():
    falling = np.array([(1, 200.0, 210.0), (50, 1.5, 1.4), (100, 1.2, 1.3)])
    assert _limits(falling, 100) == pytest.approx((1.2, 1.5))
    assert _limits(falling, 0) == pytest.approx((1.2, 210))


def test_limits_keep_chance_fluctuations_small():
    low, high = _limits(np.array([(1, 0.97, 0.98)]), 0)
    assert high / low == pytest.approx(1.1)


def test_curve_is_folded_until_the_user_unfolds_it(plot):
    plot.add(progress())
    plot.draw()
    assert not plot._section.isHidden()
    assert not plot._section.isExpanded()
    plot._section.expand()
    plot.clear()
    plot.add(progress())
    plot.draw()
    assert plot._section.isExpanded()


def test_legend_is_outside_the_curve(plot):
    plot.add(progress())
    plot.draw()
    plot._section.expand()
    plot.resize(280, 400)
    plot.show()
    assert "held-out error" in plot._legend.text()
    assert not plot._legend.geometry().intersects(plot._plot.geometry())
    assert plot._plot.plotItem.legend is None


def test_bar_never_moves_back_and_hides_at_the_end(plot):
    for iteration, seconds, left in ((1, 5, 5), (2, 6, 54)):
        plot.add(progress(iteration, seconds=seconds, left=left))
        plot.draw()
        assert plot._bar.value() == 500
        # The bar and its number never move back.
        assert plot._text.text() == f"50%, at most {left} s left"
    plot.finish()
    assert plot._bar.isHidden()
    assert not plot._section.isHidden()


def test_points_appear_only_after_draw(plot):
    plot.add(progress())
    assert plot._bar.value() == 0
    assert plot._text.text() == ""


def test_clear_hides_all_but_the_text(plot):
    plot.add(progress())
    plot.draw()
    plot.clear("Cancelled")
    assert plot._section.isHidden()
    assert plot._bar.isHidden()
    assert plot._text.text() == "Cancelled"
    plot.clear()
    assert plot._text.isHidden()


@pytest.mark.parametrize(("paper", "ink"), [("#000000", "#ffffff"), ("#ffffff", "#000000")])
def test_colours_follow_the_palette(plot, paper, ink):
    palette = QPalette()
    palette.setColor(QPalette.ColorRole.Window, QColor(paper))
    palette.setColor(QPalette.ColorRole.WindowText, QColor(ink))
    plot.setPalette(palette)
    assert plot._plot.backgroundBrush().color().name() == paper
    assert plot._heldout.opts["pen"].color().name() == ink
    between = plot._loss.opts["pen"].color().lightness()
    assert 60 < between < 200


def test_text_has_the_block_and_the_time_left():
    assert describe(progress(left=80), 1) == "at most 2 min left"
    assert describe(progress(block=1, blocks=5), 2) == "part 2 of 5, at most 9 s left"


def test_line_has_percentage_part_and_time_left_whatever_plane_came_first(plot):
    for block in (3, 2):
        plot.add(progress(block=block, blocks=5, seconds=1, left=3))
    plot.draw()
    assert plot._text.text() == "25%, part 2 of 5, at most 3 s left"
    assert not plot._bar.isTextVisible()
