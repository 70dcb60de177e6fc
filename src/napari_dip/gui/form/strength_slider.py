"""Slider for the strength of a learned start, from smoother to more detail."""

# Qt classes have no types for mypy, hence the ignored subclassing below.
from math import log

from pydantic.fields import FieldInfo
from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtGui import QMouseEvent, QWheelEvent
from qtpy.QtWidgets import QGridLayout, QLabel, QSlider, QWidget

# Steps of the slider from its middle to an end, and by which a click beside the handle moves it.
_STEPS, _PAGE = 20, 4


class _Slider(QSlider):  # type: ignore[misc]
    """A slider that a double click sets to its middle; the wheel needs the focus."""

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        event.accept()
        self.setSliderDown(False)
        self.setValue(0)
        self.sliderReleased.emit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()  # for the scroll area


class StrengthSlider(QWidget):  # type: ignore[misc]
    """Logarithmic slider of a setting whose default is 1, in the middle.

    It has the attributes of a field of magicgui that the form uses.

    Parameters
    ----------
    field : FieldInfo
        Field of the configuration.

    Attributes
    ----------
    changed : Signal()
        The value has changed.
    moved : Signal()
        The user has moved the slider.
    settled : Signal()
        The user has released the slider, or set it to its middle.
    """

    changed = Signal()
    moved = Signal()
    settled = Signal()

    def __init__(self, field: FieldInfo) -> None:
        super().__init__()
        self._default: float = field.default
        self._value: float = self._default
        self._highest: float = next(limit.le for limit in field.metadata if hasattr(limit, "le"))
        self._slider = _Slider(Qt.Orientation.Horizontal)
        self._text = QLabel()
        self._build(field.description or "")
        self._show()

    def _build(self, tooltip: str) -> None:
        self._slider.setObjectName("strength")
        self._slider.setToolTip(tooltip)
        self._slider.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._slider.setRange(-_STEPS, _STEPS)
        self._slider.setPageStep(_PAGE)
        self._slider.valueChanged.connect(self._move)
        self._slider.sliderReleased.connect(self.settled)
        self._text.setObjectName("strength_text")
        self._text.setToolTip(f"A double click on the slider sets it to {self._default:g}.")
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        left, middle, right = (
            Qt.AlignmentFlag.AlignLeft,
            Qt.AlignmentFlag.AlignCenter,
            Qt.AlignmentFlag.AlignRight,
        )
        grid.addWidget(QLabel("smoother"), 0, 0, left)
        grid.addWidget(self._text, 0, 1, middle)
        grid.addWidget(QLabel("more detail"), 0, 2, right)
        grid.addWidget(self._slider, 1, 0, 1, 3)

    @property
    def value(self) -> float:
        """The strength; can be set."""
        return float(self._value)

    @value.setter
    def value(self, value: float) -> None:
        with QSignalBlocker(self._slider):
            self._slider.setValue(round(-_STEPS * log(value) / log(self._highest)))
        self._set(value)

    @property
    def is_default(self) -> bool:
        """Whether the strength is the default."""
        return bool(self._value == self._default)

    def _move(self, step: int) -> None:
        self._set(round(self._highest ** (-step / _STEPS), 2))
        self.moved.emit()

    def _set(self, value: float) -> None:
        if value != self._value:
            self._value = value
            self._show()
            self.changed.emit()

    def _show(self) -> None:
        self._text.setText(f"Strength {self._value:g}")
