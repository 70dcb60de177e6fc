"""Progress of a run: curves of the errors, progress bar and a line of text."""

# Qt classes have no types for mypy, hence the ignored subclassing below.
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from qtpy.QtCore import QEvent, Qt
from qtpy.QtGui import QColor, QPalette
from qtpy.QtWidgets import QLabel, QProgressBar, QSizePolicy, QWidget

from napari_dip.gui.widgets.collapsible import Collapsible, WrappedLabel, column
from napari_dip.render.text import at_most

if TYPE_CHECKING:
    from napari_dip.core.restoration.progress import Progress

_BAR_STEPS = 1000
_PLOT_HEIGHT = 150
_BAR_HEIGHT = 10
# The curve is shown from this share of the selected iteration on: the first fall of the
# errors would flatten the rest.
_SHOWN_FROM = 0.25
# Smallest ratio of the limits of the errors, so that fluctuations by chance look small.
_LEAST_RATIO = 1.1
# Smallest distance of two labels, as a share of the axis.
_GAP = 0.18


@dataclass(slots=True)
class _Curve:
    """Iteration, loss and held-out error of each point, and the selected iteration."""

    points: list[tuple[int, float, float]] = field(default_factory=list)
    selected: int = 0


class ProgressPlot(QWidget):  # type: ignore[misc]
    """Progress bar and text; in a collapsible section the errors by iteration, on a log scale.

    Each block has its own curves; another run of the same block starts new ones.
    """

    def __init__(self) -> None:
        super().__init__()
        self._curves: dict[int, _Curve] = {}
        self._block = -1
        self._share, self._words = 0.0, ""
        self._begun: set[int] = set()  # blocks of this run, which may start at any plane
        self._plot = pg.PlotWidget()
        self._section = Collapsible("Curve", "curve_section")
        self._legend = WrappedLabel()
        self._loss = self._plot.plot()
        self._heldout = self._plot.plot()
        self._marker = pg.InfiniteLine(angle=90, movable=False)
        self._cursor = pg.InfiniteLine(angle=90, movable=False)
        self._bar = QProgressBar()
        self._text = QLabel()
        self._build()
        self._take_colours()
        self.clear()

    def _build(self) -> None:
        self._plot.setObjectName("curve")
        self._plot.setFixedHeight(_PLOT_HEIGHT)
        self._plot.setToolTip(
            "Errors in units of the noise variance. "
            "Dashed: iteration that is kept. Solid: iteration on the screen."
        )
        for line in (self._marker, self._cursor):
            self._plot.addItem(line, ignoreBounds=True)
        self._plot.setLogMode(y=True)
        self._plot.setLabel("bottom", "iteration")
        # The wheel scrolls the dock.
        self._plot.setMouseEnabled(x=False, y=False)
        self._plot.setMenuEnabled(False)
        # pyqtgraph creates the menu all the same, without a parent that would delete it.
        menu = self._plot.plotItem.ctrlMenu
        menu.setParent(self._plot, menu.windowFlags())
        self._plot.hideButtons()
        # The size hint of pyqtgraph is wider than the dock.
        self._plot.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._bar.setObjectName("progress")
        self._bar.setRange(0, _BAR_STEPS)
        self._bar.setTextVisible(False)  # the line below has it
        self._bar.setFixedHeight(_BAR_HEIGHT)
        self._text.setObjectName("status")
        self._text.setWordWrap(True)
        curve = QWidget()
        column(curve, self._legend, self._plot)
        self._section.addWidget(curve)
        column(self, self._bar, self._text, self._section)

    def insert_below_text(self, widget: QWidget) -> None:
        """Put a widget between the text and the curve."""
        self.layout().insertWidget(self.layout().indexOf(self._section), widget)

    def clear(self, text: str = "") -> None:
        """Remove the curves of the last run, and show a text."""
        self._curves, self._block = {}, -1
        self._share, self._words = 0.0, ""
        self._begun.clear()
        self._section.hide()
        self._cursor.hide()
        self._bar.hide()
        self._bar.setValue(0)
        self.show_text(text)

    def show_text(self, text: str) -> None:
        self._text.setText(text)
        self._text.setVisible(bool(text))

    def add(self, progress: "Progress") -> None:
        """Add a point; `draw` shows it."""
        curve = self._curves.get(progress.block)
        if curve is None or progress.iteration <= curve.points[-1][0]:
            curve = self._curves[progress.block] = _Curve()
        heldout = np.nan if progress.heldout_error is None else progress.heldout_error
        curve.points.append((progress.iteration, progress.loss, heldout))
        curve.selected = progress.selected_iteration
        self._block = progress.block
        # A rising estimate of the time left must not move the bar back.
        self._share = max(self._share, share_done(progress))
        self._begun.add(progress.block)
        self._words = f"{self._share:.0%}, {describe(progress, len(self._begun))}"

    def draw(self) -> None:
        """Show all points. Not called for each point: a new text repaints the window."""
        self._bar.setValue(int(self._share * _BAR_STEPS))
        self._bar.setVisible(bool(self._curves))
        self.show_text(self._words)
        self._draw_curve()

    def show_block(self, block: int) -> None:
        """Show the curves of a block."""
        self._block = block
        self._draw_curve()

    def curve(self) -> "tuple[NDArray[np.float64], int]":
        """Return iteration, loss and held-out error, (n, 3), and the selected iteration."""
        curve = self._curves.get(self._block, _Curve())
        return np.array(curve.points, dtype=float).reshape(-1, 3), curve.selected

    def mark(self, iteration: int | None) -> None:
        """Mark the iteration on the screen; None if it is the selected one."""
        self._cursor.setVisible(iteration is not None)
        self._cursor.setValue(iteration or 0)

    def selected(self, block: int) -> int:
        """Return the iteration that the rule selects in a block; 0 without a curve."""
        return self._curves[block].selected if block in self._curves else 0

    def select(self, block: int, iteration: int) -> None:
        """Set the iteration that the rule selected in a block."""
        if block in self._curves:
            self._curves[block].selected = iteration

    def _draw_curve(self) -> None:
        points, selected = self.curve()
        points[:, 1:][~(points[:, 1:] > 0)] = np.nan  # they have no logarithm
        self._loss.setData(points[:, 0], points[:, 1], connect="finite")
        self._heldout.setData(points[:, 0], points[:, 2], connect="finite")
        self._marker.setValue(selected)
        low, high = _limits(points, selected)
        # pyqtgraph would label every digit of a decade, with overlaps.
        self._plot.getAxis("left").setTicks([_ticks(low, high)])
        self._plot.setYRange(np.log10(low), np.log10(high), padding=0.05)
        self._section.setVisible(bool(len(points)))

    def finish(self) -> None:
        """Show all points and hide the bar at the end of a run."""
        self.draw()
        self._bar.hide()
        self._share = 0.0
        self._begun.clear()

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme of napari, whose style sheet sets the palette."""
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.StyleChange):
            self._take_colours()
        super().changeEvent(event)

    def _take_colours(self) -> None:
        palette = self.palette()
        paper = palette.color(QPalette.ColorRole.Window)
        ink = palette.color(QPalette.ColorRole.WindowText)
        faint = _mix(ink, paper, 0.5)
        self._plot.setBackground(paper)
        for name in ("bottom", "left"):
            axis = self._plot.getAxis(name)
            axis.setPen(faint)
            axis.setTextPen(ink)
        self._loss.setPen(pg.mkPen(faint, width=1))
        self._heldout.setPen(pg.mkPen(ink, width=2))
        self._marker.setPen(pg.mkPen(ink, width=1, style=Qt.PenStyle.DashLine))
        self._cursor.setPen(pg.mkPen(ink, width=1))
        self._legend.setText(
            f"<font color='{faint.name()}'>\N{BOX DRAWINGS LIGHT HORIZONTAL}</font> loss &nbsp;"
            " <b>\N{BOX DRAWINGS HEAVY HORIZONTAL}</b> held-out error &nbsp; "
            "\N{BOX DRAWINGS LIGHT TRIPLE DASH VERTICAL} kept"
        )


def _limits(points: NDArray[np.float64], selected: int) -> tuple[float, float]:
    """Return the limits of the errors of the points that matter, (n, 3)."""
    errors = points[points[:, 0] >= _SHOWN_FROM * selected, 1:]
    finite = errors[np.isfinite(errors)]
    if finite.size == 0:
        return 1.0, _LEAST_RATIO
    low, high = float(finite.min()), float(finite.max())
    widen = max(_LEAST_RATIO * low / high, 1.0) ** 0.5
    return low / widen, high * widen


def _ticks(low: float, high: float) -> list[tuple[float, str]]:
    """Return position (log10) and label of round numbers between two limits, without overlaps."""
    if high < 3 * low:
        step = _round_step(high - low)
        candidates = [step * count for count in range(int(low / step), int(high / step) + 2)]
    else:  # powers of ten first
        decades = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
        candidates = [digit * 10.0**decade for digit in (1, 5, 2) for decade in decades]
    gap = _GAP * np.log10(high / low)
    kept: list[float] = []
    for tick in candidates:
        inside = 0.999 * low <= tick <= 1.001 * high
        if inside and all(abs(np.log10(tick / other)) >= gap for other in kept):
            kept.append(tick)
    return [(float(np.log10(tick)), _label(tick)) for tick in sorted(kept)]


def _round_step(span: float) -> float:
    """Return the smallest of 1, 2, 5, 10, ... that divides a span into at most five parts."""
    decade = 10.0 ** np.floor(np.log10(span / 5))
    return float(next(digit * decade for digit in (1, 2, 5, 10) if span <= 5 * digit * decade))


def _label(value: float) -> str:
    """Return a number in few characters, such as 0.98 or 2e6."""
    text = f"{value:.4g}"
    mantissa, _, exponent = text.partition("e")
    return f"{mantissa}e{int(exponent)}" if exponent else text


def _mix(first: QColor, second: QColor, share: float) -> QColor:
    """Return the colour between two: `share` 0 is the first, 1 the second."""
    pairs: Any = zip(first.getRgb(), second.getRgb(), strict=True)
    return QColor(*(round(a * (1 - share) + b * share) for a, b in pairs))


def share_done(progress: "Progress") -> float:
    """Return the share of the run's time that has passed, 0 to 1; the run may end sooner."""
    if progress.seconds_left is None:
        return 0.0
    return progress.seconds / max(progress.seconds + progress.seconds_left, 1e-9)


def describe(progress: "Progress", part: int) -> str:
    """Return the number of the part and the longest time left, once it is known."""
    parts = [f"part {part} of {progress.blocks}"] if progress.blocks > 1 else []
    if progress.seconds_left is not None:
        parts.append(f"at most {at_most(progress.seconds_left)} left")
    return ", ".join(parts) or "time left not known yet"
