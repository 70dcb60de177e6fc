"""The dock widget: form, buttons, monitor and preview of one run at a time, others in a queue."""

# No `from __future__ import annotations`: napari compares the annotation of
# `viewer` with the text "napari.viewer.Viewer". Qt classes have no types for
# mypy, hence the ignored subclassing below.
from typing import TYPE_CHECKING

from napari.layers import Image as ImageLayer
from qtpy.QtCore import QEvent, Signal
from qtpy.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from napari_dip.config import DipConfig
from napari_dip.errors import NapariDipError
from napari_dip.gui.form.cost_label import Cost
from napari_dip.gui.form.form import Form
from napari_dip.gui.job.choices import TaskChoice
from napari_dip.gui.job.job import job
from napari_dip.gui.menu.settings_menu import SettingsMenu
from napari_dip.gui.results.preview import Preview
from napari_dip.gui.results.results_panel import Outcome
from napari_dip.gui.run.queue import Queue
from napari_dip.gui.run.run_buttons import GOING, Buttons, State
from napari_dip.gui.run.worker import Run
from napari_dip.gui.session.settings import remember
from napari_dip.gui.widgets.collapsible import Scroll
from napari_dip.gui.widgets.notify import tell

if TYPE_CHECKING:
    import napari

    from napari_dip.core.restoration.progress import Progress, Restoration
    from napari_dip.gui.job.region import Region
    from napari_dip.gui.results.history import Iterate

_MIN_WIDTH = 280


class DeepImagePriorWidget(QWidget):  # type: ignore[misc]
    """Restores an image layer of a viewer with Deep Image Prior.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
        Where layers come from and results go to.

    Attributes
    ----------
    finished : Signal(list of napari.layers.Image)
        The new layers; none when the run was cancelled.
    failed : Signal(Exception)
        Why there is no result; the user has been told.
    """

    finished = Signal(object)
    failed = Signal(object)

    def __init__(self, viewer: "napari.viewer.Viewer") -> None:
        super().__init__()
        self._viewer = viewer
        self._run: Run | None = None
        self._preview: Preview | None = None
        self._state = State.IDLE
        self._form = Form(viewer)
        self._form.tried.connect(self.try_here)
        self._outcome = Outcome()
        self._scroll = Scroll(self._form, self._outcome)
        self._outcome.grown.connect(self._scroll.show_end)
        self._outcome.kept.connect(self._keep)
        self._monitor = self._outcome.monitor
        self._buttons = Buttons(
            self, run=self.run, pause=self._toggle_pause, stop=self.stop, cancel=self.cancel
        )
        self._settings = SettingsMenu(self._form)
        self._settings.said.connect(self._monitor.say)
        self._cost = Cost(self._form)
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
        """What the form says; can be set as a whole."""
        return self._form.config

    @config.setter
    def config(self, config: DipConfig) -> None:
        self._form.config = config

    @property
    def task(self) -> TaskChoice:
        """Name of the task and its own fields; can be set."""
        return self._form.task

    @task.setter
    def task(self, choice: TaskChoice) -> None:
        self._form.task = choice

    @property
    def layer(self) -> ImageLayer | None:
        """The image layer that is restored; can be set."""
        return self._form.layer

    @layer.setter
    def layer(self, layer: ImageLayer) -> None:
        self._form.layer = layer

    def reset_choices(self, *_: object) -> None:
        """Follow the viewer's layers; napari calls this when they change."""
        self._form.reset_choices()
        self._outcome.follow()
        self._offer()

    def suggest_layer(self) -> None:
        """Choose the layer that the user looks at."""
        self._form.suggest_layer()

    def run(self) -> None:
        """Restore, as soon as what is under way or in the queue has been."""
        self._start(self._form.region.region)

    def try_here(self) -> None:
        """Restore what is in view, with the settings that all of it would be restored with."""
        self._start("view", " (try)")

    def _start(self, region: "Region", checkpoint: str = "") -> None:
        try:
            self._queue.add(job(self._form.choices_in(region), self._form.layer, checkpoint))
        except NapariDipError as error:
            self._refuse(error)
            return
        remember(self._settings.settings)
        self._start_next()

    def _start_next(self) -> None:
        waiting = self._queue.take() if self._state is State.IDLE else None
        if waiting is not None:
            self._forget()
            self._monitor.clear()
            self._preview = Preview(self._viewer, waiting, self)
            self._launch(self._preview)

    def go_on(self) -> None:
        """Fit for as many iterations more, if the last run has ended and can be gone on with."""
        if self._state is State.IDLE and self._preview is not None and self._preview.can_go_on:
            self._outcome.forget()
            self._launch(self._preview, self._preview.go_on())

    def _launch(self, preview: Preview, earlier: "Restoration | None" = None) -> None:
        chosen = preview.job
        self._run = Run(chosen.image, chosen.task, chosen.config, self, earlier)
        self._run.observed.connect(preview.observe)
        self._run.progressed.connect(self._show)
        self._run.returned.connect(self._return)
        self._run.failed.connect(self._fail)
        self._enter(State.RUNNING)

    def pause(self) -> None:
        """Halt the run; it keeps its memory."""
        if self._state is State.RUNNING and self._run is not None:
            self._run.control.pause()
            self._enter(State.PAUSED)
            if self._preview is not None:
                self._outcome.look_back(self._preview)

    def resume(self) -> None:
        """Let a paused run go on."""
        if self._state is State.PAUSED and self._run is not None:
            self._run.control.resume()
            self._enter(State.RUNNING)

    def stop(self) -> None:
        """End the run and keep the best result so far."""
        if self._state in GOING and self._run is not None:
            self._run.control.stop()
            self._enter(State.STOPPING)

    def cancel(self) -> None:
        """End the run and keep nothing."""
        if self._run is not None:
            self._run.control.cancel()
            self._enter(State.CANCELLING)

    def _toggle_pause(self) -> None:
        {State.PAUSED: self.resume, State.IDLE: self.go_on}.get(self._state, self.pause)()

    def _enter(self, state: State) -> None:
        self._state = state
        self._offer()
        if state in (State.RUNNING, State.STOPPING, State.CANCELLING):
            self._outcome.go_on()
        if state is not State.IDLE:
            self._monitor.say(state.value)

    def _offer(self) -> None:
        can_go_on = self._preview is not None and self._preview.can_go_on
        self._buttons.follow(self._state, can_go_on=can_go_on)

    def _show(self, progress: "Progress") -> None:
        if self._preview is None:
            return
        words = "" if self._state is State.RUNNING else self._state.value
        self._outcome.show_progress(self._preview, progress, words)
        if self._state is State.PAUSED:  # it was on its way
            self._outcome.look_back(self._preview)

    def _return(self, restoration: "Restoration | None") -> None:
        self._end()
        if restoration is None:
            self._discard("Cancelled")
        self.finished.emit([] if restoration is None else self._finish(restoration))
        self._start_next()

    def _finish(self, restoration: "Restoration") -> list[ImageLayer]:
        assert self._preview is not None
        layers = self._preview.finish(restoration)
        self._outcome.finish(self._preview)
        self._scroll.show_end()
        self._offer()
        self._cost.learn(restoration.report, self._preview.job)
        return layers

    def _keep(self, iterate: "Iterate") -> None:
        """Make an iterate the result; during a pause, of all there is, that ends the run."""
        assert self._preview is not None
        self._preview.keep(iterate)
        if self._state is State.IDLE:
            self._outcome.tell(self._preview)
        elif self._preview.alone:
            self.stop()
        else:
            self._monitor.say(f"Iteration {iterate.iteration} will be kept.")

    def _fail(self, error: Exception) -> None:
        self._end()
        self._discard()
        self._monitor.say(tell(error))
        self.failed.emit(error)
        self._start_next()

    def _refuse(self, error: Exception) -> None:
        words = tell(error)
        if self._state is State.IDLE:  # else a run has its own words
            self._monitor.clear(words)
        self.failed.emit(error)

    def _end(self) -> None:
        """Return to idle and let go of the run; its preview stays, to be gone back in."""
        assert self._run is not None
        if self._run.control.quitted:
            self._queue.clear()
        self._run.let_go()
        self._run = None
        self._enter(State.IDLE)

    def _forget(self) -> None:
        """Let go of what the last run drew, and of its memory."""
        self._outcome.forget()
        if self._preview is not None:
            self._preview.deleteLater()
            self._preview = None

    def _discard(self, words: str = "") -> None:
        """Take away what a run drew that has no result; an earlier one of it stays."""
        assert self._preview is not None
        if self._preview.take_back():
            self._outcome.finish(self._preview)
            self._offer()
            return
        self._preview.discard()
        self._forget()
        self._monitor.clear(words)

    def changeEvent(self, event: QEvent) -> None:
        """Give up the run when the dock is closed, which takes this widget out of it.

        Nothing reaches a widget that is about to go, so nothing is waited for.
        """
        super().changeEvent(event)
        if event.type() != QEvent.Type.ParentChange or self.parent() is not None:
            return
        self._queue.clear()
        if self._run is not None:
            self._run.control.cancel()
            self._end()
            self._discard()
        self._forget()
