"""One log file for each run: what was requested, the errors and how the run ended.

A user may send a log to a developer, so it holds no pixels, no tags and no contents of
files. For exceptions of other libraries it holds the class and the traceback only: their
messages may quote the contents of files.
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
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from tempfile import TemporaryFile
from time import monotonic
from typing import TYPE_CHECKING

from napari_dip.errors import NapariDipError

if TYPE_CHECKING:
    from napari_dip.core.records import Report

_LOG = logging.getLogger("napari_dip")
# Size of a log file, of which a run has up to two [bytes]; number of runs to keep.
_MAX_BYTES, _MAX_RUNS = 500_000, 20
_LIBRARIES = ("napari-dip", "torch", "numpy", "napari", "distributed")


def log_folder() -> Path:
    """Return the folder of the logs: `NAPARI_DIP_LOGS`, or the user's log folder."""
    chosen = os.environ.get("NAPARI_DIP_LOGS")
    if chosen:
        return Path(chosen)
    from platformdirs import user_log_path

    return user_log_path("napari-dip", appauthor=False)


class _SilentFileHandler(RotatingFileHandler):
    """Log file whose write errors, such as a full disk, neither end a run nor get printed."""

    _ended = False

    def _open(self) -> TextIOWrapper:
        # logging would open the file again for a late record of another thread, for good.
        if self._ended:
            raise OSError("The run of this log has ended.")
        return super()._open()

    def close(self) -> None:
        self._ended = True
        super().close()

    def handleError(self, record: logging.LogRecord) -> None:
        pass


def can_log() -> bool:
    """Return whether a log can be written; writes none, as a new log deletes the oldest one."""
    try:
        folder = log_folder()
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            return True
    except (OSError, RuntimeError):  # the user may have no home folder
        return False


@contextmanager
def log_of_run(words: Sequence[str]) -> Iterator[Path | None]:
    """Write a log file for the duration of a context.

    Parameters
    ----------
    words : sequence of str
        Words of the command, or a description of the run.

    Yields
    ------
    Path or None
        Path of the log; None if it cannot be written, in which case the run continues.
    """
    handler = _handler()
    if handler is None:
        yield None
        return
    level, start = _LOG.level, monotonic()
    _LOG.addHandler(handler)
    _LOG.setLevel(logging.INFO)
    try:
        _LOG.info("requested: %s", " ".join(words))
        _LOG.info("%s, python %s, %s", _versions(), platform.python_version(), platform.platform())
        yield Path(handler.baseFilename)
    finally:
        _LOG.info("ended after %.1f s", monotonic() - start)
        _LOG.removeHandler(handler)
        _LOG.setLevel(level)
        handler.close()


def note(sentence: str) -> None:
    """Write a sentence to the current log, if there is one."""
    _LOG.info("%s", sentence)


def note_end(report: Report) -> None:
    """Write iterations, stop reason and device of a finished run to the log."""
    note(f"{report.iterations} iterations, {report.stop_reason}, {report.device}")


def note_error(error: BaseException, log: Path | None = None) -> None:
    """Write an exception and its causes to the log; messages only of our own exceptions.

    Parameters
    ----------
    error : BaseException
        Exception to log.
    log : Path, optional
        Path of the log; an exception of another library gets a note with this path.
    """
    cause: BaseException | None = error
    while cause is not None:
        kind = f"{type(cause).__module__}.{type(cause).__qualname__}"
        message = f": {cause}" if isinstance(cause, NapariDipError) else ""
        frames = "".join(traceback.format_tb(cause.__traceback__))
        _LOG.info("%s%s\n%s", kind, message, frames.rstrip())
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    if log is not None and not isinstance(error, NapariDipError):
        error.add_note(f"The log has details: {log}.")


def _handler() -> RotatingFileHandler | None:
    """Return a handler for a new log file, after deleting the oldest files."""
    now = datetime.now().strftime("%Y-%m-%dT%H-%M-%S")
    try:
        folder = log_folder()
        folder.mkdir(parents=True, exist_ok=True)
        for old in sorted(folder.glob("*.log"))[: 1 - _MAX_RUNS]:
            for path in (old, old.with_name(f"{old.name}.1")):
                path.unlink(missing_ok=True)
        path = folder / f"{now}_{os.getpid()}.log"
        handler = _SilentFileHandler(path, maxBytes=_MAX_BYTES, backupCount=1, encoding="utf-8")
    except (OSError, RuntimeError):  # the user may have no home folder
        return None
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    return handler


def _versions() -> str:
    versions = []
    for name in _LIBRARIES:
        with suppress(PackageNotFoundError):
            versions.append(f"{name} {version(name)}")
    return ", ".join(versions)
