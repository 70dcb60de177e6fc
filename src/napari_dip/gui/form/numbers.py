"""Numbers in a line of text: limits while typing, and the unit inside the line."""

# Qt classes have no types for mypy, hence the ignored subclassing below.
from qtpy.QtCore import QEvent, QLocale, QObject
from qtpy.QtGui import QDoubleValidator, QIntValidator, QValidator
from qtpy.QtWidgets import QLabel, QLineEdit

_SYMBOLS = {
    "pixel": "px",
    "pixels": "px",
    "seconds": "s",
    "micrometre": "µm",
    "ADU per photon": "ADU/photon",
}


def integer_validator(low: float, high: float, parent: QObject) -> QValidator:
    """Return a validator of whole numbers from `low` to `high`."""
    return _with_point(QIntValidator(int(low), int(high), parent))


def number_validator(low: float, high: float, parent: QObject) -> QValidator:
    """Return a validator of numbers from `low` to `high`."""
    validator = QDoubleValidator(parent)
    validator.setBottom(low)  # Qt 5's `setRange` would also drop the decimals
    validator.setTop(high)
    return _with_point(validator)


def _with_point(validator: QValidator) -> QValidator:
    # A point separates decimals in every country, as in the settings file.
    locale = QLocale.c()
    locale.setNumberOptions(QLocale.NumberOption.RejectGroupSeparator)
    validator.setLocale(locale)
    return validator


def take_nearest(line: QLineEdit) -> None:
    """Replace a whole number outside its limits by the nearest one within them."""
    validator = line.validator()
    if not isinstance(validator, QIntValidator) or line.hasAcceptableInput() or not line.text():
        return
    try:
        number = int(line.text())
    except ValueError:  # such as a sign alone
        line.clear()
    else:
        line.setText(str(min(max(number, validator.bottom()), validator.top())))


def unit_symbol(unit: str) -> str:
    """Return a unit as a field shows it.

    Examples
    --------
    >>> unit_symbol("pixels"), unit_symbol("ADU")
    ('px', 'ADU')
    """
    return _SYMBOLS.get(unit, unit)


def show_unit(line: QLineEdit, unit: str) -> None:
    """Show a unit at the right end of a line, beside its text."""
    if unit:
        _Unit(line, unit_symbol(unit))


class _Unit(QLabel):  # type: ignore[misc]
    """Unit at the right end of a line."""

    def __init__(self, line: QLineEdit, unit: str) -> None:
        super().__init__(unit, line)
        self._line = line
        self.setObjectName("field_unit")
        self.setEnabled(False)  # faint, as a placeholder; a click reaches the line
        line.installEventFilter(self)
        self._place()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the size and the font of the line."""
        if event.type() in (QEvent.Type.Resize, QEvent.Type.Show, QEvent.Type.StyleChange):
            self._place()
        return False

    def _place(self) -> None:
        self.adjustSize()
        gap = self.fontMetrics().averageCharWidth()
        self._line.setTextMargins(0, 0, self.width() + gap, 0)
        height = (self._line.height() - self.height()) // 2
        self.move(self._line.width() - self.width() - gap, height)
