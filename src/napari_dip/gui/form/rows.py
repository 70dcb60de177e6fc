"""Labelled rows of fields, and which of them are shown."""

# Qt and magicgui have no types for mypy, hence the ignored subclassing below.
from typing import Any

from magicgui.widgets import CheckBox, PushButton
from qtpy.QtCore import QEvent, QObject, Qt, Signal
from qtpy.QtWidgets import QFormLayout, QLineEdit, QSizePolicy, QWidget

from napari_dip.gui.form.numbers import take_nearest

_FIELD_WIDTH = 60
_LABEL_WIDTH = 118


class RowMaker(QObject):  # type: ignore[misc]
    """Puts the fields of a form into labelled rows.

    Attributes
    ----------
    changed : Signal()
        A field has changed.
    """

    changed = Signal()

    def __call__(self, *widgets: Any) -> QWidget:
        """Return a widget with a row for each magicgui widget."""
        rows = QWidget()
        layout = QFormLayout(rows)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for widget in widgets:
            widget.changed.connect(self._emit)
            native = widget.native
            native.setObjectName(widget.name)
            native.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            native.installEventFilter(self)
            # Neither a long layer name nor a wide font may push a field out of the dock.
            native.setMinimumWidth(_FIELD_WIDTH)
            native.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            # Buttons and check boxes show their label themselves.
            labelled = isinstance(widget, CheckBox | PushButton)
            layout.addRow(" " if labelled else widget.label, native)
            layout.labelForField(native).setToolTip(widget.tooltip)
            # One width for all labels aligns the rows of a task with those of all tasks.
            layout.labelForField(native).setMinimumWidth(_LABEL_WIDTH)
        return rows

    def _emit(self, *_: Any) -> None:
        self.changed.emit()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Leave the wheel to the scroll area; keep whole numbers within their limits."""
        kind = event.type()
        if kind == QEvent.Type.Wheel and not watched.hasFocus():
            event.ignore()
            return True
        if kind == QEvent.Type.FocusOut and isinstance(watched, QLineEdit):
            take_nearest(watched)
        return False


def show_row(widget: Any, shown: bool) -> None:
    """Show or hide the row of a magicgui widget, with its label."""
    native = widget.native
    label = native.parentWidget().layout().labelForField(native)
    for part in (label, native):
        part.setVisible(shown)


def is_shown(widget: Any) -> bool:
    """Return whether the row of a magicgui widget is shown once its section is open."""
    return not widget.native.isHidden()
