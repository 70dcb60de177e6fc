"""Runs in a thread: progress, pause, stop, cancel and errors.

The generator workers of napari have four problems, which are solved here:

- A RuntimeError in the generator ends the thread without a message, and on PySide
  napari itself fails when a worker reports an error. Here errors are returned as `Failure`.
- `quit` leaves the generator open, and napari keeps its workers. Here `quit` cancels the
  run, so that the generator ends by itself.
- Each warning of Python, also one that is hidden by default, becomes a message of napari.
  Here those of a run go to its log: they are for developers.
- The queue of `yielded` has no limit. Here a value is yielded only after the GUI thread
  has handled the last one.
"""

# Qt classes have no types for mypy, hence the ignored subclassing below.
import warnings
from collections.abc import Callable, Generator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Event, get_ident
from typing import Any, TextIO

from napari.qt.threading import create_worker
from napari.utils.notifications import notification_manager
from qtpy.QtCore import QObject, QThreadPool, Signal
from superqt.utils import GeneratorWorker

import napari_dip
from napari_dip.logs import log_of_run, note, note_error

_PACKAGE = Path(napari_dip.__file__).parent
# Categories that Python ignores by default.
_HIDDEN = (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning)


class Control:
    """Requests of the GUI thread, read in the thread of the run."""

    def __init__(self) -> None:
        self._stopped, self._cancelled, self._going = Event(), Event(), Event()
        self._handled = Event()  # set once the GUI thread has handled the last value
        for event in (self._going, self._handled):
            event.set()
        self.application_quit = False

    def is_cancelled(self) -> bool:
        return self._cancelled.is_set()

    def is_ending(self) -> bool:
        """Whether a stop or a cancellation was requested."""
        return self._stopped.is_set() or self.is_cancelled()

    def pause(self) -> None:
        if not self.is_ending():
            self._going.clear()

    def resume(self) -> None:
        self._going.set()

    def stop(self) -> None:
        self._stopped.set()
        self._wake()

    def cancel(self) -> None:
        self._cancelled.set()
        self._wake()

    def _wake(self) -> None:
        """Let a run go on to its end: it may be paused, or wait for a window that has closed."""
        self.resume()
        self.note_handled()

    @property
    def has_handled(self) -> bool:
        """Whether the GUI thread has handled the last value."""
        return self._handled.is_set()

    def note_sent(self) -> None:
        """Note that a value is on its way to the GUI thread."""
        self._handled.clear()
        if self.is_ending():
            self._handled.set()

    def note_handled(self) -> None:
        self._handled.set()

    def wait_until_handled(self) -> None:
        """Wait until the GUI thread has handled the last value, or the run must end."""
        self._handled.wait()

    def wait_while_paused(self) -> None:
        self._going.wait()

    def stop_requested(self) -> bool:
        """Wait while paused, then return whether the run must end."""
        self.wait_while_paused()
        return self.is_ending()


@dataclass(frozen=True, slots=True)
class Failure:
    """An error that ended a run."""

    error: Exception


def _logged(
    request: Sequence[str],
    steps: "Callable[[Control], Generator[Any, None, Any]]",
    control: Control,
) -> "Generator[Any, None, Any]":
    """Yield and return as `steps` does, or return a `Failure`; write a log of a request."""
    with log_of_run(["window", *request]) if request else nullcontext() as log:
        _log_warnings()
        try:
            return (yield from steps(control))
        except Exception as error:
            note_error(error, log)
            return Failure(error)


def _log_warnings() -> None:
    """Send the warnings of this thread to the log, and hide those that Python hides.

    The worker of superqt restores the former state at the end of the thread.
    """
    for category in _HIDDEN:
        warnings.simplefilter("ignore", category)
    show, thread = warnings.showwarning, get_ident()

    def sort(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        if get_ident() == thread:
            note(f"{category.__name__} in {filename}, line {lineno}")
        else:
            show(message, category, filename, lineno, file, line)

    warnings.showwarning = sort


class _Titled(partial[Any]):
    """A function with the name that napari shows when it is closed during a run."""

    def __repr__(self) -> str:
        return "Deep Image Prior"


class _Worker(GeneratorWorker):  # type: ignore[misc]
    """A worker that napari cancels when it closes."""

    control: Control

    def quit(self) -> None:
        self.control.application_quit = True
        self.control.cancel()


class BackgroundWorker(QObject):  # type: ignore[misc]
    """A generator in a thread; its signals arrive in the GUI thread.

    Parameters
    ----------
    request : sequence of str
        Description of the request, for the log; an empty one gets no log.
    steps : callable
        Takes a `Control`, yields progress and returns a result.
    parent : QObject, optional
        Owner of this object.

    Attributes
    ----------
    progressed : Signal(object)
        Value that the generator has yielded.
    returned : Signal(object)
        Result, at the end without an error.
    failed : Signal(Exception)
        Error that has ended the generator.
    """

    progressed = Signal(object)
    returned = Signal(object)
    failed = Signal(object)

    def __init__(
        self,
        request: Sequence[str],
        steps: "Callable[[Control], Generator[Any, None, Any]]",
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.control = Control()
        # The handlers are methods of a QObject of the GUI thread: every binding then
        # queues the calls to that thread, and drops them once the object is deleted.
        self._worker = create_worker(
            _Titled(_logged, request, steps, self.control),
            _worker_class=_Worker,
            _start_thread=False,
            _connect={
                "yielded": self._take,
                "returned": self._return,
                "warned": self._warn,
            },
        )
        self._worker.control = self.control
        # An idle thread keeps its OpenMP threads. Together with those of the next run
        # they would outnumber the cores, and slow that run down.
        QThreadPool.globalInstance().setExpiryTimeout(0)
        self._worker.start()

    def abandon(self) -> None:
        """Cancel and release; no signal follows."""
        self.control.cancel()
        self.release()

    def release(self) -> None:
        """Delete this object; no signal follows."""
        self.blockSignals(True)  # signals may still be queued
        self.deleteLater()

    def _take(self, value: Any) -> None:
        self._signal_of(value).emit(value)
        self.control.note_handled()

    def _signal_of(self, value: Any) -> Any:
        """Return the signal that carries a value of the generator."""
        return self.progressed

    def _return(self, result: Any) -> None:
        self._worker = None
        if isinstance(result, Failure):
            self.failed.emit(result.error)
        else:
            self.returned.emit(result)

    def _warn(self, warning: tuple[Any, ...]) -> None:
        # While a worker runs, superqt sends it the warnings of all threads. Those that this
        # package causes are for developers: they go to the log.
        _, category, filename, line, *_ = warning
        if Path(filename).is_relative_to(_PACKAGE):
            note(f"{category.__name__} in {filename}, line {line}")
        else:
            notification_manager.receive_warning(*warning)
