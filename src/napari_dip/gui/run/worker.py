"""restore() <-> Qt thread: progress, pause, stop and keep, cancel, errors.

Traps of generator workers are closed here. A RuntimeError in the generator
ends the thread without a word, and on PySide napari itself fails when a worker
reports an error: errors are returned as `Failure`. `quit` leaves the generator
open, and napari keeps its workers for ever: ours lets the generator end by
itself. `yielded` is queued without bound: a value is yielded only after the
last one was taken.
"""

# Qt classes have no types for mypy, hence the ignored subclassing below.
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from threading import Event
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.qt.threading import create_worker
from napari.utils.notifications import notification_manager
from qtpy.QtCore import QObject, QThreadPool, Signal
from superqt.utils import GeneratorWorker

from napari_dip.config import DipConfig
from napari_dip.core.image.image import Image
from napari_dip.core.tasks import Task
from napari_dip.gui.job.layer_image import shown_dtype
from napari_dip.logs import log_of_run, note_end, note_error

if TYPE_CHECKING:
    from napari_dip.core.restoration.progress import Progress, Restoration

# Shortest time between two progress signals [seconds].
INTERVAL = 0.2


def restore(*args: Any, **options: Any) -> "Generator[Progress, None, Restoration]":
    """Call `napari_dip.restore`, which imports torch: not before something runs."""
    from napari_dip.core.restoration import restore as core

    return core.restore(*args, **options)


class Control:
    """What the GUI thread tells a run, read in the run's thread."""

    def __init__(self) -> None:
        self._stopped, self._cancelled, self._going = Event(), Event(), Event()
        self._going.set()
        self.taken = True  # the last progress, by the GUI thread
        self.quitted = False  # by napari, which closes

    def is_cancelled(self) -> bool:
        return self._cancelled.is_set()

    def is_ending(self) -> bool:
        """Whether the run was asked to end, to keep its best result or to keep nothing."""
        return self._stopped.is_set() or self.is_cancelled()

    def pause(self) -> None:
        if not self.is_ending():
            self._going.clear()

    def resume(self) -> None:
        self._going.set()

    def stop(self) -> None:
        self._stopped.set()
        self.resume()  # a paused run wakes up to end

    def cancel(self) -> None:
        self._cancelled.set()
        self.resume()

    def wait_while_paused(self) -> None:
        self._going.wait()

    def stop_requested(self) -> bool:
        """Answer the run, which asks between its yields too, once it may go on."""
        self.wait_while_paused()
        return self.is_ending()


@dataclass(frozen=True, slots=True)
class Failure:
    """An error that ended a run."""

    error: Exception


def _logged(
    words: Sequence[str],
    steps: "Callable[[Control], Generator[Any, None, Any]]",
    control: Control,
) -> "Generator[Any, None, Any]":
    """Yield what the steps do, and return what they do, or a `Failure`; a log is written of it."""
    with log_of_run(["window", *words]) as log:
        try:
            return (yield from steps(control))
        except Exception as error:
            note_error(error, log)
            return Failure(error)


def run_in_thread(
    image: Image,
    task: Task,
    config: DipConfig,
    control: Control,
    earlier: "Restoration | None" = None,
) -> "Generator[Any, None, Restoration | None]":
    """Yield the observation as its layer shows it, unless a run is gone on with, then progress.

    Returns
    -------
    Restoration or None
        None when cancelled.
    """
    with _our_errors():
        return (yield from _run(image, task, config, control, earlier))


def _run(
    image: Image,
    task: Task,
    config: DipConfig,
    control: Control,
    earlier: "Restoration | None",
) -> "Generator[Any, None, Restoration | None]":
    # Lazy data are read here: the GUI thread must not wait for a disk.
    if earlier is None:
        observation = image.enlarged(task.factors()).data
        # What no float32 holds is refused by `restore`, in a sentence.
        with np.errstate(over="ignore"):
            shown = np.array(observation, dtype=shown_dtype(image))
        yield shown
    # What is gone on with has a configuration that it keeps.
    steps = restore(
        image,
        task,
        config if earlier is None else None,
        keep_state=True,
        continue_from=earlier,
        stop_requested=control.stop_requested,
    )
    last = float("-inf")
    with closing(steps):
        while not control.is_cancelled():
            try:
                progress = next(steps)
            except StopIteration as end:
                restoration: Restoration = end.value
                note_end(restoration.report)
                return None if control.is_cancelled() else restoration
            now = time.monotonic()
            if control.taken and now - last >= INTERVAL:
                last, control.taken = now, False
                yield progress
    return None


@contextmanager
def _our_errors() -> Iterator[None]:
    """Turn what torch and the machine raise into words that say what to do."""
    try:
        yield
    except (MemoryError, RuntimeError):
        from napari_dip.core.hardware.device import device_errors

        with device_errors():
            raise


class _Titled(partial[Any]):
    """A function under the name that napari shows when it is closed during a run."""

    def __repr__(self) -> str:
        return "Deep Image Prior"


class _Worker(GeneratorWorker):  # type: ignore[misc]
    """napari quits workers when it closes; this one then ends as if cancelled."""

    control: Control

    def quit(self) -> None:
        self.control.quitted = True
        self.control.cancel()


class Background(QObject):  # type: ignore[misc]
    """Steps in a thread; its signals arrive in the GUI thread.

    Parameters
    ----------
    words : sequence of str
        What was asked for, for the log.
    steps : callable
        Takes a `Control`, yields progress and returns an outcome.
    parent : QObject, optional

    Attributes
    ----------
    progressed : Signal(object)
        What was yielded.
    returned : Signal(object)
        The end.
    failed : Signal(Exception)
        The other end.
    """

    progressed = Signal(object)
    returned = Signal(object)
    failed = Signal(object)

    def __init__(
        self,
        words: Sequence[str],
        steps: "Callable[[Control], Generator[Any, None, Any]]",
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.control = Control()
        # Handlers are methods of a QObject of the GUI thread, so that every
        # binding queues the calls to it and drops them once it is deleted.
        self._worker = create_worker(
            _Titled(_logged, words, steps, self.control),
            _worker_class=_Worker,
            _start_thread=False,
            _connect={
                "yielded": self._take,
                "returned": self._return,
                "warned": self._warn,
            },
        )
        self._worker.control = self.control
        # An idle thread keeps the OpenMP threads that it computed with; together
        # with those of the next run they are more than cores, and both get slow.
        QThreadPool.globalInstance().setExpiryTimeout(0)
        self._worker.start()

    def abandon(self) -> None:
        """Let it end on its own and tell nobody."""
        self.control.cancel()
        self.let_go()

    def let_go(self) -> None:
        self.blockSignals(True)  # some may still be on their way
        self.deleteLater()

    def _take(self, value: Any) -> None:
        self.progressed.emit(value)

    def _return(self, outcome: Any) -> None:
        self._worker = None
        if isinstance(outcome, Failure):
            self.failed.emit(outcome.error)
        else:
            self.returned.emit(outcome)

    def _warn(self, warning: tuple[Any, ...]) -> None:
        # While a worker runs, superqt diverts the warnings of all threads to it.
        notification_manager.receive_warning(*warning)


class Run(Background):
    """One restoration in a thread.

    `progressed` carries `Progress`, at most 5 times a second and never before the
    last one was handled; `returned` a `Restoration`, or None when cancelled.

    Attributes
    ----------
    observed : Signal(ndarray)
        First, unless it goes on from an earlier run: a copy of the observation for the
        preview to draw on.
    """

    observed = Signal(object)

    def __init__(
        self,
        image: Image,
        task: Task,
        config: DipConfig,
        parent: QObject | None = None,
        earlier: "Restoration | None" = None,
    ) -> None:
        steps = partial(run_in_thread, image, task, config, earlier=earlier)
        chosen = config.model_dump_json(exclude_defaults=True)
        super().__init__([task.name, *map(str, image.shape), image.axes, chosen], steps, parent)

    def _take(self, value: Any) -> None:
        signal = self.observed if isinstance(value, np.ndarray) else self.progressed
        signal.emit(value)
        self.control.taken = True
