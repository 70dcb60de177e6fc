"""Error messages for the user, and tracebacks of unexpected errors for the log."""

import logging

from napari.utils.notifications import show_error

from napari_dip.errors import NapariDipError
from napari_dip.gui.widgets.labels import hint_text
from napari_dip.logs import log_of_run, note_error

_LOG = logging.getLogger(__name__)


def notify(error: Exception) -> str:
    """Show the message of an error to the user, and return it.

    The settings that help are named as in the window. An error of another package also goes
    to the log with its traceback.
    """
    text = _expected(error) if isinstance(error, NapariDipError) else _unexpected(error)
    show_error(text)
    return text


def _expected(error: NapariDipError) -> str:
    hints = ", ".join(map(hint_text, error.hints))
    return f"{error} ({hints})" if hints else str(error)


def _unexpected(error: Exception) -> str:
    text = f"Unexpected {type(error).__name__}: {error}"
    _LOG.error(text, exc_info=error)
    if not _notes(error):
        with log_of_run(["window"]) as log:
            note_error(error, log)
    return text + "".join(f" ({note})" for note in _notes(error))


def _notes(error: Exception) -> list[str]:
    return getattr(error, "__notes__", [])
