"""How the run is doing: curve of the errors, bar, and what is left to wait for."""

# Qt classes have no types for mypy, hence the ignored subclassing below.
from typing import TYPE_CHECKING, Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from qtpy.QtCore import QEvent, Qt
from qtpy.QtGui import QColor, QPalette
from qtpy.QtWidgets import QLabel, QProgressBar, QSizePolicy, QVBoxLayout, QWidget

if TYPE_CHECKING:
    from napari_dip.core.progress import Progress

_BAR_STEPS = 1000
_PLOT_HEIGHT = 150


class Monitor(QWidget):  # type: ignore[misc]
    """Curves against the iteration, on a log scale, and the progress of the run.

    A new block, or another run of the same one, starts a new curve.
    """

    def __init__(self) -> None:
        super().__init__()
        self._points: list[tuple[int, float, float]] = []
        self._block = -1
        self._selected = 0
        self._share, self._words = 0.0, ""
        self._plot = pg.PlotWidget()
        self._legend = self._plot.addLegend(offset=(-1, 1))
        self._loss = self._plot.plot(name="loss")
        self._heldout = self._plot.plot(name="held-out error")
        self._marker = pg.InfiniteLine(angle=90, movable=False)
        self._bar = QProgressBar()
        self._text = QLabel()
        self._build()
        self.clear()

    def _build(self) -> None:
        self._plot.setObjectName("curve")
        self._plot.setFixedHeight(_PLOT_HEIGHT)
        self._plot.setToolTip(
            "Error of the fitted pixels and of the pixels hidden from the fit, against the "
            "iteration. The dashed line is the iteration that would be kept now."
        )
        self._plot.addItem(self._marker, ignoreBounds=True)
        self._plot.setLogMode(y=True)
        self._plot.setLabel("bottom", "iteration")
        # The wheel scrolls the dock, and there is nothing to zoom for.
        self._plot.setMouseEnabled(x=False, y=False)
        self._plot.setMenuEnabled(False)
        # pyqtgraph makes the menu nevertheless, without a parent to delete it.
        menu = self._plot.plotItem.ctrlMenu
        menu.setParent(self._plot, menu.windowFlags())
        self._plot.hideButtons()
        # Its own hint is as wide as a window.
        self._plot.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._bar.setObjectName("progress")
        self._bar.setRange(0, _BAR_STEPS)
        self._text.setObjectName("status")
        self._text.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for part in (self._plot, self._bar, self._text):
            layout.addWidget(part)

    def clear(self, text: str = "") -> None:
        """Forget the last run."""
        self._points, self._block, self._selected = [], -1, 0
        self._share, self._words = 0.0, ""
        self._plot.hide()
        self._bar.hide()
        self._bar.setValue(0)
        self.say(text)

    def say(self, text: str) -> None:
        self._text.setText(text)
        self._text.setVisible(bool(text))

    def add(self, progress: "Progress") -> None:
        """Take a point; `draw` shows it."""
        restarted = bool(self._points) and progress.iteration <= self._points[-1][0]
        if progress.block != self._block or restarted:
            self._block, self._points = progress.block, []
        heldout = np.nan if progress.heldout_error is None else progress.heldout_error
        self._points.append((progress.iteration, progress.loss, heldout))
        self._selected = progress.selected_iteration
        # A rising estimate of the time left must not move the bar back.
        share = progress.seconds / max(progress.seconds + progress.seconds_left, 1e-9)
        self._share = max(self._share, share)
        self._words = describe(progress)

    def draw(self) -> None:
        """Show the points so far. Not for each of them: a new word repaints the window."""
        self._bar.setValue(int(self._share * _BAR_STEPS))
        self.say(self._words)
        points = np.array(self._points, dtype=float).reshape(-1, 3)
        points[:, 1:][~(points[:, 1:] > 0)] = np.nan  # no logarithm
        self._loss.setData(points[:, 0], points[:, 1], connect="finite")
        self._heldout.setData(points[:, 0], points[:, 2], connect="finite")
        self._marker.setValue(self._selected)
        # pyqtgraph labels every digit of a decade, one over the other.
        self._plot.getAxis("left").setTicks([_ticks(points[:, 1:])])
        self._plot.setVisible(bool(self._points))
        self._bar.setVisible(bool(self._points))

    def finish(self, text: str) -> None:
        self._share, self._words = 1.0, text
        self.draw()

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme: napari's style sheet sets the palette."""
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
        for _, label in self._legend.items:
            label.setText(label.text, color=ink)


def _ticks(values: NDArray[np.float64]) -> list[tuple[float, str]]:
    """Return 1, 2, 5, 10, ... among the values, or else their limits, at their logarithms."""
    finite = values[np.isfinite(values)]
    if finite.size == 0:
        return []
    low, high = float(finite.min()), float(finite.max())
    decades = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    round_ones = [digit * 10.0**decade for decade in decades for digit in (1, 2, 5)]
    ticks = [tick for tick in round_ones if low <= tick <= high] or [low, high]
    return [(float(np.log10(tick)), f"{tick:.2g}") for tick in ticks]


def _mix(first: QColor, second: QColor, share: float) -> QColor:
    """Return the colour between two, readable on both a dark and a light theme."""
    pairs: Any = zip(first.getRgb(), second.getRgb(), strict=True)
    return QColor(*(round(one * (1 - share) + other * share) for one, other in pairs))


def describe(progress: "Progress") -> str:
    """Say where the run is and how long it may take: early stopping may end it sooner."""
    place = f"Part {progress.block + 1} of {progress.blocks}, " if progress.blocks > 1 else ""
    return f"{place}at most {duration(progress.seconds_left)} left".capitalize()


def duration(seconds: float) -> str:
    """Return a time in its two largest units."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
