"""Runner: one run after another, from its start to its layers."""

# Qt classes have no types for mypy, hence the ignored subclassing below.
from collections.abc import Callable
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QWidget

from napari_dip.gui.results.closed_run import ClosedRun
from napari_dip.gui.results.preview.preview import Preview
from napari_dip.gui.results.results_panel import ResultsPanel
from napari_dip.gui.run.queue import Queue
from napari_dip.gui.run.run_buttons import ACTIVE, State
from napari_dip.gui.run.worker import RunWorker
from napari_dip.gui.widgets.cards import Advice
from napari_dip.gui.widgets.notify import notify

if TYPE_CHECKING:
    import napari
    from napari.layers import Image as ImageLayer

    from napari_dip.core.restoration.progress import Progress, Restoration
    from napari_dip.gui.job.job import Job
    from napari_dip.gui.results.preview.history import Iterate


class Runner(QObject):  # type: ignore[misc]
    """Runs jobs in the order of a queue, one at a time.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
        Viewer that results are added to.
    results : ResultsPanel
        Panel that shows the current run, then its result.
    dock : QWidget
        Widget in the window of the viewer; owner of this object.
    advise : callable
        Takes an error and its message, and returns the message with buttons.

    Attributes
    ----------
    queue : Queue
        Jobs that wait.
    state : State
        State of the current run.
    preview : Preview or None
        Layer of the current run or, after its end, of the last one.
    entered : Signal()
        The state has changed.
    restored : Signal(Report)
        A run has ended with a result.
    finished : Signal(list of napari.layers.Image)
        New layers of a run; an empty list if the run was cancelled.
    failed : Signal(Exception)
        Error that ended a run, after the user has seen its message.
    """

    entered = Signal()
    restored = Signal(object)
    finished = Signal(object)
    failed = Signal(object)

    def __init__(
        self,
        viewer: "napari.viewer.Viewer",
        results: ResultsPanel,
        dock: QWidget,
        advise: Callable[[Exception, str], Advice],
    ) -> None:
        super().__init__(dock)
        self.queue = Queue()
        self.state = State.IDLE
        self.preview: Preview | None = None
        self._viewer, self._dock, self._advise = viewer, dock, advise
        self._run: RunWorker | None = None
        self._results, self._plot = results, results.plot
        self._added: list[list[ImageLayer]] = []
        results.kept.connect(self._keep)

    @property
    def can_continue(self) -> bool:
        """Whether the last run has ended and can be continued."""
        return self.preview is not None and self.preview.can_continue

    def add(self, job: "Job") -> None:
        """Run a job, after the current run and the queue."""
        self.queue.add(job, active=self._run is not None)
        self._start_next()

    def _start_next(self) -> None:
        job = self.queue.take() if self.state is State.IDLE else None
        if job is not None:
            self._forget()
            self._plot.clear()
            self.preview = Preview(self._viewer, job, self._dock)
            self._launch(self.preview)

    def continue_run(self) -> None:
        """Continue the last run, once it has ended, for the same number of iterations."""
        if self.state is State.IDLE and self.preview is not None and self.can_continue:
            self._results.forget()
            self._launch(self.preview, self.preview.prepare_to_continue())

    def _launch(self, preview: Preview, earlier: "Restoration | None" = None) -> None:
        job = preview.job
        self._run = RunWorker(job.image, job.task, job.config, self, earlier, job.start_at)
        self._run.observed.connect(preview.observe)
        self._run.progressed.connect(self._show)
        self._run.returned.connect(self._return)
        self._run.failed.connect(self._fail)
        self._enter(State.RUNNING)

    def pause(self) -> None:
        """Pause the run; its memory stays allocated."""
        if self.state is State.RUNNING and self._run is not None:
            self._run.control.pause()
            self._enter(State.PAUSED)
            if self.preview is not None:
                self._results.show_history(self.preview)

    def resume(self) -> None:
        """Resume a paused run."""
        if self.state is State.PAUSED and self._run is not None:
            self._run.control.resume()
            self._enter(State.RUNNING)

    def toggle_pause(self) -> None:
        """Pause or resume the run; after its end, continue it."""
        {State.PAUSED: self.resume, State.IDLE: self.continue_run}.get(self.state, self.pause)()

    def stop(self) -> None:
        """End the run and keep the best result so far."""
        if self.state in ACTIVE and self._run is not None:
            self._run.control.stop()
            self._enter(State.STOPPING)

    def cancel(self) -> None:
        """End the run without a result."""
        if self._run is not None:
            self._run.control.cancel()
            self._enter(State.CANCELLING)

    def undo(self) -> bool:
        """Remove the layers that the last run added; return whether there were any."""
        self.follow()
        layers = self._added.pop() if self._added else []
        for layer in layers:
            self._viewer.layers.remove(layer)
        return bool(layers)

    def follow(self) -> None:
        """Release results that the user has deleted."""
        kept = ([one for one in run if one in self._viewer.layers] for run in self._added)
        self._added = [layers for layers in kept if layers]

    def leave(self) -> None:
        """Stop the run; its result is kept without the dock."""
        self.queue.clear()
        if self._run is not None and self.preview is not None:
            ClosedRun(self._run, self.preview)
            self._run = self.preview = None
            self._enter(State.IDLE)
        self._forget()

    def _enter(self, state: State) -> None:
        self.state = state
        self.entered.emit()
        if state in (State.RUNNING, State.STOPPING, State.CANCELLING):
            self._results.show_run()
        if state is not State.IDLE:
            self._plot.show_text(state.value)

    def _show(self, progress: "Progress") -> None:
        if self.preview is None:
            return
        words = "" if self.state is State.RUNNING else self.state.value
        self._results.show_progress(self.preview, progress, words)
        if self.state is State.PAUSED:  # the signal was sent before the pause
            self._results.show_history(self.preview)

    def _return(self, restoration: "Restoration | None") -> None:
        self._end()
        if restoration is None:
            self._discard("Cancelled")
        self.finished.emit([] if restoration is None else self._finish(restoration))
        self._start_next()

    def _finish(self, restoration: "Restoration") -> "list[ImageLayer]":
        assert self.preview is not None
        layers = self.preview.finish(restoration)
        self._results.finish(self.preview)
        self._added.append(layers)
        self.restored.emit(restoration.report)
        return layers

    def _keep(self, iterate: "Iterate") -> None:
        """Make an iterate the result; during a pause of an image of one block this ends the run."""
        assert self.preview is not None
        self.preview.keep(iterate)
        if self.state is State.IDLE:
            self._results.show_summary(self.preview)
        elif self.preview.has_one_block:
            self.stop()
        else:
            self._plot.show_text(f"Iteration {iterate.iteration} will be kept.")

    def _fail(self, error: Exception) -> None:
        self._end()
        self._discard()
        self._results.refuse(self._advise(error, notify(error)))
        self.failed.emit(error)
        self._start_next()

    def _end(self) -> None:
        """Release the run; keep its preview so that earlier iterations can be viewed."""
        assert self._run is not None
        if self._run.control.application_quit:
            self.queue.clear()
        self._run.release()
        self._run = None
        self._enter(State.IDLE)

    def _forget(self) -> None:
        """Release the preview of the last run and its memory; the layers stay."""
        self._results.forget()
        if self.preview is not None:
            self.preview.deleteLater()
            self.preview = None

    def _discard(self, words: str = "") -> None:
        """Remove the layer of a run without a result, or show its earlier result again."""
        assert self.preview is not None
        if self.preview.restore_earlier():
            self._results.finish(self.preview)
            self.entered.emit()
            return
        self.preview.discard()
        self._forget()
        self._plot.clear(words)
