"""Commands of the menus: open the dock with a task, or the dialog for many images."""

# No `from __future__ import annotations`: napari compares the annotation of
# `viewer` with the text "napari.viewer.Viewer".
from typing import TYPE_CHECKING

from napari_dip.gui.batch.dialog import BatchDialog
from napari_dip.gui.dock import DeepImagePriorWidget
from napari_dip.gui.form.form import Form
from napari_dip.gui.form.task_form import TaskForm
from napari_dip.gui.job.choices import TaskChoice

if TYPE_CHECKING:
    import napari

# Name that napari gives the dock of the Plugins menu, which then opens and closes this one.
_DOCK_NAME = "Deep Image Prior (Deep Image Prior)"


def denoise(viewer: "napari.viewer.Viewer") -> None:
    """Remove noise."""
    open_dock(viewer, "denoise")


def inpaint(viewer: "napari.viewer.Viewer") -> None:
    """Inpaint missing pixels."""
    open_dock(viewer, "inpaint")


def super_resolve(viewer: "napari.viewer.Viewer") -> None:
    """Super-resolve an image."""
    open_dock(viewer, "super-resolve")


def deconvolve(viewer: "napari.viewer.Viewer") -> None:
    """Deconvolve."""
    open_dock(viewer, "deconvolve")


def dejpeg(viewer: "napari.viewer.Viewer") -> None:
    """Dejpeg: remove JPEG artefacts."""
    open_dock(viewer, "dejpeg")


def guided(viewer: "napari.viewer.Viewer") -> None:
    """Guided: denoise with a guide image."""
    open_dock(viewer, "guided")


def fourier(viewer: "napari.viewer.Viewer") -> None:
    """Fourier: fill in k-space."""
    open_dock(viewer, "fourier")


def invert_features(viewer: "napari.viewer.Viewer") -> None:
    """Invert the features of a trained network."""
    open_dock(viewer, "invert-features")


def psf_from_beads(viewer: "napari.viewer.Viewer") -> None:
    """Make a PSF from an image of beads, for the task Deconvolve."""
    open_dock(viewer, "deconvolve").findChild(TaskForm).measure_psf()


def batch(viewer: "napari.viewer.Viewer") -> None:
    """Restore many images with the settings of the dock."""
    dock = find_dock(viewer) or open_dock(viewer)
    BatchDialog(viewer, dock.findChild(Form), dock).show()


def find_dock(viewer: "napari.viewer.Viewer") -> DeepImagePriorWidget | None:
    """Return the dock of a viewer, if it has one."""
    widgets = viewer.window.dock_widgets.values()
    return next((widget for widget in widgets if isinstance(widget, DeepImagePriorWidget)), None)


def open_dock(viewer: "napari.viewer.Viewer", task: str = "denoise") -> DeepImagePriorWidget:
    """Show the dock of a viewer with a task and the active layer; create it if needed."""
    widget = find_dock(viewer)
    if widget is None:
        widget = DeepImagePriorWidget(viewer)
        viewer.window.add_dock_widget(widget, name=_DOCK_NAME)
    widget.suggest_layer()
    widget.task = TaskChoice(task)
    widget.parent().show()
    widget.parent().raise_()
    return widget
