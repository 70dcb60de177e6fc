"""The dock widget: form, buttons, results and queue; one run at a time."""

# No `from __future__ import annotations`: napari compares the annotation of
# `viewer` with the text "napari.viewer.Viewer". Qt classes have no types for
# mypy, hence the ignored subclassing below.
from contextlib import suppress
from typing import TYPE_CHECKING

from napari.layers import Image as ImageLayer
from qtpy.QtCore import QEvent, Signal
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from napari_dip.config import DipConfig
from napari_dip.errors import NapariDipError
from napari_dip.gui.form.cost_label import CostLabel
from napari_dip.gui.form.fixes import advice_of
from napari_dip.gui.form.form import Form
from napari_dip.gui.job.choices import TaskChoice
from napari_dip.gui.job.job import Job, job
from napari_dip.gui.menu.settings_menu import SettingsMenu
from napari_dip.gui.results.results_panel import ResultsPanel
from napari_dip.gui.results.runner import Runner
from napari_dip.gui.results.strength_preview import StrengthPreview
from napari_dip.gui.run.run_buttons import RunButtons, State
from napari_dip.gui.session.settings import remember
from napari_dip.gui.widgets.cards import Advice
from napari_dip.gui.widgets.collapsible import ScrollColumn
from napari_dip.gui.widgets.dock_title import shorten_title
from napari_dip.gui.widgets.focus import order_focus
from napari_dip.gui.widgets.notify import notify

if TYPE_CHECKING:
    import napari

    from napari_dip.core.records import Report
    from napari_dip.gui.job.region import Region

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
        self._form = Form(viewer)
        self._form.preview_requested.connect(self.preview_visible_area)
        self._cost = CostLabel(self._form)
        self._results = ResultsPanel()
        self._scroll = ScrollColumn(self._form, self._results)
        self._results.grown.connect(self._scroll.show_end)
        self._plot = self._results.plot
        self._runner = Runner(viewer, self._results, self, self._advise)
        self._runner.restored.connect(self._finish)
        self._runner.finished.connect(self.finished)
        self._runner.failed.connect(self.failed)
        self._runner.entered.connect(self._offer)
        self._strength = StrengthPreview(viewer, self._form)
        self._form.strength.moved.connect(self._preview_strength)
        self._strength.changed.connect(self._offer)
        self._strength.failed.connect(self._results.show_text)
        self._buttons = RunButtons(
            self, self.run, self._results.save, self._runner.toggle_pause, self.stop, self.cancel
        )
        self._settings = SettingsMenu(self._form)
        self._settings.all_requested.connect(self.run_all)
        self._settings.undo_requested.connect(self.undo)
        self._settings.reported.connect(self._results.show_text)
        self._form.changed.connect(self._offer)
        self._build()
        self._offer()
        self._settings.recall()

    def _build(self) -> None:
        self.setObjectName("deep_image_prior")
        self.setMinimumWidth(_MIN_WIDTH)
        row = QHBoxLayout()
        row.addWidget(self._cost, stretch=1)
        row.addWidget(self._settings)
        layout = QVBoxLayout(self)
        layout.addWidget(self._scroll, stretch=1)
        layout.addWidget(self._runner.queue)
        layout.addLayout(row)
        layout.addWidget(self._buttons)
        order_focus(self)

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
        self._runner.follow()
        self._results.follow(idle=self._runner.state is State.IDLE)
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
        self._launch(new)

    def _launch(self, *jobs: Job) -> None:
        self._strength.clear()
        remember(self._settings.settings)
        for new in jobs:
            self._runner.add(new)

    def run_all(self) -> None:
        """Restore every image layer that suits the task, but no results, one after the other."""
        jobs, region = [], self._form.region.region
        for layer in self._form.sources:
            with suppress(NapariDipError):  # it does not suit the task
                jobs.append(job(self._form.choices_in(region, layer), layer))
        if jobs:
            self._launch(*jobs)
        else:
            self._results.show_text("No image layer suits this task.")

    def undo(self) -> None:
        """Remove the layers that the last run added."""
        if not self._runner.undo():
            self._results.show_text("No run has added a layer.")

    def continue_run(self) -> None:
        """Continue the last run, once it has ended, for the same number of iterations."""
        self._runner.continue_run()

    def pause(self) -> None:
        """Pause the run; its memory stays allocated."""
        self._runner.pause()

    def resume(self) -> None:
        """Resume a paused run."""
        self._runner.resume()

    def stop(self) -> None:
        """End the run and keep the best result so far."""
        self._runner.stop()

    def cancel(self) -> None:
        """End the run without a result; without a run, remove the preview of the strength."""
        self._strength.clear()
        self._runner.cancel()

    def _offer(self) -> None:
        self._cost.follow(idle=self._runner.state is State.IDLE)
        self._buttons.follow(
            self._runner.state,
            self._form.request,
            can_continue=self._runner.can_continue,
            can_clear=self._strength.is_shown,
            has_result=self._results.has_result,
        )

    def _preview_strength(self) -> None:
        if self._runner.state is State.IDLE:  # a run needs the processor
            self._strength.show()

    def _finish(self, report: "Report") -> None:
        assert self._runner.preview is not None
        self._scroll.show_end()
        self._offer()
        self._cost.learn(report, self._runner.preview.job)

    def _refuse(self, error: Exception) -> None:
        words = notify(error)
        if self._runner.state is State.IDLE:  # a run shows its own messages
            self._results.refuse(self._advise(error, words))
        self.failed.emit(error)

    def _advise(self, error: Exception, text: str) -> Advice:
        return advice_of(error, text, self._form)

    def showEvent(self, event: QShowEvent) -> None:
        """Shorten the title once the widget is in its dock."""
        super().showEvent(event)
        shorten_title(self, "Deep Image Prior")

    def changeEvent(self, event: QEvent) -> None:
        """Stop the run and keep its result when napari removes this widget from its dock."""
        super().changeEvent(event)
        if event.type() != QEvent.Type.ParentChange or self.parent() is not None:
            return
        self._strength.clear()
        self._runner.leave()
