"""The dock widget: form, buttons, results and queue; one run at a time."""

# No `from __future__ import annotations`: napari compares the annotation of
# `viewer` with the text "napari.viewer.Viewer". Qt classes have no types for
# mypy, hence the ignored subclassing below.
from typing import TYPE_CHECKING

from napari.layers import Image as ImageLayer
from qtpy.QtCore import QEvent, Signal
from qtpy.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from napari_dip.config import DipConfig
from napari_dip.errors import NapariDipError
from napari_dip.gui.form.cost_label import CostLabel
from napari_dip.gui.form.form import Form
from napari_dip.gui.job.choices import TaskChoice
from napari_dip.gui.job.job import job
from napari_dip.gui.menu.settings_menu import SettingsMenu
from napari_dip.gui.results.closed_run import ClosedRun
from napari_dip.gui.results.preview import Preview
from napari_dip.gui.results.results_panel import ResultsPanel
from napari_dip.gui.run.queue import Queue
from napari_dip.gui.run.run_buttons import ACTIVE, RunButtons, State
from napari_dip.gui.run.worker import RunWorker
from napari_dip.gui.session.settings import remember
from napari_dip.gui.widgets.collapsible import ScrollColumn
from napari_dip.gui.widgets.notify import notify

if TYPE_CHECKING:
    import napari

    from napari_dip.core.restoration.progress import Progress, Restoration
    from napari_dip.gui.job.region import Region
    from napari_dip.gui.results.history import Iterate

_MIN_WIDTH = 296


class DeepImagePriorWidget(QWidget):  # type: ignore[misc]
    """Restores an image layer of a viewer with Deep Image Prior.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
        Viewer with the image layers; results are added to it.

    Attributes
    ----------
    finished : Signal(list of napari.layers.Image)
        New layers of a run; an empty list if the run was cancelled.
    failed : Signal(Exception)
        Error that ended a run, after the user has seen its message.
    """

    finished = Signal(object)
    failed = Signal(object)

    def __init__(self, viewer: "napari.viewer.Viewer") -> None:
        super().__init__()
        self._viewer = viewer
        self._run: RunWorker | None = None
        self._preview: Preview | None = None
        self._state = State.IDLE
        self._form = Form(viewer)
        self._form.preview_requested.connect(self.preview_visible_area)
        self._results = ResultsPanel()
        self._scroll = ScrollColumn(self._form, self._results)
        self._results.grown.connect(self._scroll.show_end)
        self._results.kept.connect(self._keep)
        self._plot = self._results.plot
        self._buttons = RunButtons(
            self, self.run, self._results.save, self._toggle_pause, self.stop, self.cancel
        )
        self._settings = SettingsMenu(self._form)
        self._settings.reported.connect(self._results.say)
        self._cost = CostLabel(self._form)
        self._form.changed.connect(self._offer)
        self._queue = Queue()
        self._build()
        self._enter(State.IDLE)
        self._settings.recall()

    def _build(self) -> None:
        self.setObjectName("deep_image_prior")
        self.setMinimumWidth(_MIN_WIDTH)
        row = QHBoxLayout()
        row.addWidget(self._cost, stretch=1)
        row.addWidget(self._settings)
        layout = QVBoxLayout(self)
        layout.addWidget(self._scroll, stretch=1)
        layout.addWidget(self._queue)
        layout.addLayout(row)
        layout.addWidget(self._buttons)

    @property
    def config(self) -> DipConfig:
        """Configuration in the form; can be set."""
        return self._form.config

    @config.setter
    def config(self, config: DipConfig) -> None:
        self._form.config = config

    @property
    def task(self) -> TaskChoice:
        """Task and the values of its fields; can be set."""
        return self._form.task

    @task.setter
    def task(self, choice: TaskChoice) -> None:
        self._form.task = choice

    @property
    def layer(self) -> ImageLayer | None:
        """Image layer to restore; can be set."""
        return self._form.layer

    @layer.setter
    def layer(self, layer: ImageLayer) -> None:
        self._form.layer = layer

    def reset_choices(self, *_: object) -> None:
        """Update the lists of layers; napari calls this when the layers change."""
        self._form.reset_choices()
        self._results.follow(idle=self._state is State.IDLE)
        self._offer()

    def suggest_layer(self) -> None:
        """Choose the active layer, if it is a visible image and none is pinned."""
        self._form.suggest_layer()

    def run(self) -> None:
        """Restore the image, after the current run and the queue."""
        self._start(self._form.region.region)

    def preview_visible_area(self) -> None:
        """Restore the visible area with the settings of the form."""
        self._start("view", " (preview)")

    def _start(self, region: "Region", suffix: str = "") -> None:
        try:
            new = job(self._form.choices_in(region), self._form.layer, suffix)
        except NapariDipError as error:
            self._refuse(error)
            return
        remember(self._settings.settings)
        self._queue.add(new, active=self._run is not None)
        self._start_next()

    def _start_next(self) -> None:
        job = self._queue.take() if self._state is State.IDLE else None
        if job is not None:
            self._forget()
            self._plot.clear()
            self._preview = Preview(self._viewer, job, self)
            self._launch(self._preview)

    def continue_run(self) -> None:
        """Continue the last run, once it has ended, for the same number of iterations."""
        if self._state is State.IDLE and self._preview is not None and self._preview.can_continue:
            self._results.forget()
            self._launch(self._preview, self._preview.prepare_to_continue())

    def _launch(self, preview: Preview, earlier: "Restoration | None" = None) -> None:
        job = preview.job
        self._run = RunWorker(job.image, job.task, job.config, self, earlier)
        self._run.observed.connect(preview.observe)
        self._run.progressed.connect(self._show)
        self._run.returned.connect(self._return)
        self._run.failed.connect(self._fail)
        self._enter(State.RUNNING)

    def pause(self) -> None:
        """Pause the run; its memory stays allocated."""
        if self._state is State.RUNNING and self._run is not None:
            self._run.control.pause()
            self._enter(State.PAUSED)
            if self._preview is not None:
                self._results.show_history(self._preview)

    def resume(self) -> None:
        """Resume a paused run."""
        if self._state is State.PAUSED and self._run is not None:
            self._run.control.resume()
            self._enter(State.RUNNING)

    def stop(self) -> None:
        """End the run and keep the best result so far."""
        if self._state in ACTIVE and self._run is not None:
            self._run.control.stop()
            self._enter(State.STOPPING)

    def cancel(self) -> None:
        """End the run without a result."""
        if self._run is not None:
            self._run.control.cancel()
            self._enter(State.CANCELLING)

    def _toggle_pause(self) -> None:
        {State.PAUSED: self.resume, State.IDLE: self.continue_run}.get(self._state, self.pause)()

    def _enter(self, state: State) -> None:
        self._state = state
        self._offer()
        if state in (State.RUNNING, State.STOPPING, State.CANCELLING):
            self._results.show_run()
        if state is not State.IDLE:
            self._plot.show_text(state.value)

    def _offer(self) -> None:
        can_continue = self._preview is not None and self._preview.can_continue
        self._buttons.follow(
            self._state,
            self._form.request,
            can_continue=can_continue,
            has_result=self._results.has_result,
        )

    def _show(self, progress: "Progress") -> None:
        if self._preview is None:
            return
        words = "" if self._state is State.RUNNING else self._state.value
        self._results.show_progress(self._preview, progress, words)
        if self._state is State.PAUSED:  # the signal was sent before the pause
            self._results.show_history(self._preview)

    def _return(self, restoration: "Restoration | None") -> None:
        self._end()
        if restoration is None:
            self._discard("Cancelled")
        self.finished.emit([] if restoration is None else self._finish(restoration))
        self._start_next()

    def _finish(self, restoration: "Restoration") -> list[ImageLayer]:
        assert self._preview is not None
        layers = self._preview.finish(restoration)
        self._results.finish(self._preview)
        self._scroll.show_end()
        self._offer()
        self._cost.learn(restoration.report, self._preview.job)
        return layers

    def _keep(self, iterate: "Iterate") -> None:
        """Make an iterate the result; during a pause of an image of one block this ends the run."""
        assert self._preview is not None
        self._preview.keep(iterate)
        if self._state is State.IDLE:
            self._results.show_summary(self._preview)
        elif self._preview.has_one_block:
            self.stop()
        else:
            self._plot.show_text(f"Iteration {iterate.iteration} will be kept.")

    def _fail(self, error: Exception) -> None:
        self._end()
        self._discard()
        self._plot.show_text(notify(error))
        self.failed.emit(error)
        self._start_next()

    def _refuse(self, error: Exception) -> None:
        words = notify(error)
        if self._state is State.IDLE:  # a run shows its own messages
            self._results.say(words)
        self.failed.emit(error)

    def _end(self) -> None:
        """Release the run; keep its preview so that earlier iterations can be viewed."""
        assert self._run is not None
        if self._run.control.application_quit:
            self._queue.clear()
        self._run.release()
        self._run = None
        self._enter(State.IDLE)

    def _forget(self) -> None:
        """Release the preview of the last run and its memory; the layers stay."""
        self._results.forget()
        if self._preview is not None:
            self._preview.deleteLater()
            self._preview = None

    def _discard(self, words: str = "") -> None:
        """Remove the layer of a run without a result, or show its earlier result again."""
        assert self._preview is not None
        if self._preview.restore_earlier():
            self._results.finish(self._preview)
            self._offer()
            return
        self._preview.discard()
        self._forget()
        self._plot.clear(words)

    def changeEvent(self, event: QEvent) -> None:
        """Stop the run and keep its result when napari removes this widget from its dock."""
        super().changeEvent(event)
        if event.type() != QEvent.Type.ParentChange or self.parent() is not None:
            return
        self._queue.clear()
        if self._run is not None and self._preview is not None:
            ClosedRun(self._run, self._preview)
            self._run = self._preview = None
            self._enter(State.IDLE)
        self._forget()
