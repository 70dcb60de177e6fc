"""Errors, in words, to the user; and what is not ours, to the log."""

import logging

from napari.utils.notifications import show_error

from napari_dip.errors import NapariDipError
from napari_dip.logs import log_of_run, note_error

_LOG = logging.getLogger(__name__)


def tell(error: Exception) -> str:
    """Tell the user why something failed, and return the words."""
    ours = isinstance(error, NapariDipError)
    text = str(error) if ours else f"Unexpected {type(error).__name__}: {error}"
    if not ours:
        # Only what is not ours needs a trace of where it came from.
        _LOG.error(text, exc_info=error)
        if not _notes(error):
            with log_of_run(["window"]) as log:
                note_error(error, log)
        text += "".join(f" ({sentence})" for sentence in _notes(error))
    show_error(text)
    return text


def _notes(error: Exception) -> list[str]:
    return getattr(error, "__notes__", [])
