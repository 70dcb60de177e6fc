"""Logs: what a run was told, what it met and how it ended, a file for each run.

A log may be sent to whoever helps: it holds no pixels, no tags and no contents of
files. Of errors that are not ours only the kind and the place are written, for their
messages may quote what was read.
"""

from __future__ import annotations

import logging
import os
import platform
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from logging.handlers import RotatingFileHandler
from pathlib import Path
from tempfile import TemporaryFile
from time import monotonic
from typing import TYPE_CHECKING

from napari_dip.errors import NapariDipError

if TYPE_CHECKING:
    from napari_dip.core.records import Report

_LOG = logging.getLogger("napari_dip")
# So much of a run is kept, twice [bytes], and so many runs.
_LARGEST, _RUNS = 500_000, 20
_LIBRARIES = ("napari-dip", "torch", "numpy", "napari", "distributed")


def log_folder() -> Path:
    """Return where logs are: `NAPARI_DIP_LOGS`, or the user's folder of logs."""
    chosen = os.environ.get("NAPARI_DIP_LOGS")
    if chosen:
        return Path(chosen)
    from platformdirs import user_log_path

    return user_log_path("napari-dip", appauthor=False)


class _Quiet(RotatingFileHandler):
    """A disk that is full ends no run, nor does it print a trace into its terminal."""

    def handleError(self, record: logging.LogRecord) -> None:
        pass


def can_log() -> bool:
    """Tell whether a log could be written, without writing one: that would let go of another."""
    try:
        folder = log_folder()
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            return True
    except (OSError, RuntimeError):  # there may be no home
        return False


@contextmanager
def log_of_run(words: Sequence[str]) -> Iterator[Path | None]:
    """Write a log while the context lasts.

    Parameters
    ----------
    words : sequence of str
        What was asked for.

    Yields
    ------
    Path or None
        The log; None where none can be written, which ends no run.
    """
    handler = _handler()
    if handler is None:
        yield None
        return
    level, start = _LOG.level, monotonic()
    _LOG.addHandler(handler)
    _LOG.setLevel(logging.INFO)
    try:
        _LOG.info("asked for: %s", " ".join(words))
        _LOG.info("%s, python %s, %s", _versions(), platform.python_version(), platform.platform())
        yield Path(handler.baseFilename)
    finally:
        _LOG.info("ended after %.1f s", monotonic() - start)
        _LOG.removeHandler(handler)
        _LOG.setLevel(level)
        handler.close()


def note(sentence: str) -> None:
    """Write a sentence into the log, if one is written."""
    _LOG.info("%s", sentence)


def note_end(report: Report) -> None:
    """Write how a run ended."""
    note(f"{report.iterations} iterations, {report.stop_reason}, {report.device}")


def note_error(error: BaseException, log: Path | None = None) -> None:
    """Write where an error came from, and what was behind it; only ours in words.

    With the log that it is written into, an error that is not ours says where that is.
    """
    cause: BaseException | None = error
    while cause is not None:
        kind = f"{type(cause).__module__}.{type(cause).__qualname__}"
        words = f": {cause}" if isinstance(cause, NapariDipError) else ""
        frames = "".join(traceback.format_tb(cause.__traceback__))
        _LOG.info("%s%s\n%s", kind, words, frames.rstrip())
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    if log is not None and not isinstance(error, NapariDipError):
        error.add_note(f"More is in its log, {log}.")


def _handler() -> RotatingFileHandler | None:
    """Return what writes a file of its own, and let go of the oldest ones."""
    now = datetime.now().strftime("%Y-%m-%dT%H-%M-%S")
    try:
        folder = log_folder()
        folder.mkdir(parents=True, exist_ok=True)
        for old in sorted(folder.glob("*.log"))[: 1 - _RUNS]:
            for path in (old, old.with_name(f"{old.name}.1")):
                path.unlink(missing_ok=True)
        path = folder / f"{now}_{os.getpid()}.log"
        handler = _Quiet(path, maxBytes=_LARGEST, backupCount=1, encoding="utf-8")
    except (OSError, RuntimeError):  # there may be no home
        return None
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    return handler


def _versions() -> str:
    found = []
    for name in _LIBRARIES:
        with suppress(PackageNotFoundError):
            found.append(f"{name} {version(name)}")
    return ", ".join(found)
