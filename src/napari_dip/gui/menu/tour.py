"""Tour of the dock, with the guide of napari 0.9."""

# Qt classes have no types for mypy.
from functools import partial
from importlib import import_module
from importlib.util import find_spec

from napari._app_model import get_app_model
from qtpy.QtWidgets import QScrollArea, QWidget

# The command of napari's own tour accepts another tour; the classes are not public yet.
_TOURS = "napari._qt.widgets.qt_viewer_tour"
_COMMAND = "napari.window.help.viewer_tour"
# Object name of a widget, title and text.
_STOPS = (
    (
        "layer",
        "Image",
        "Layer to restore. It is never changed: the result is a new layer.",
    ),
    (
        "task",
        "Task",
        "Noise, missing pixels, blur, JPEG artefacts and more. Each task has its own fields.",
    ),
    (
        "preset",
        "Preset",
        "<i>fast</i> takes half the time of <i>balanced</i>, with nearly the same quality.",
    ),
    (
        "strength",
        "Strength",
        "Where a network with learned weights denoises: move it, and the first answer appears in "
        "the middle of the view. A double click sets it to 1.",
    ),
    (
        "preview_visible_area",
        "Preview",
        "Restores only the visible area with these settings. Zoom in, preview, change a setting, "
        "and preview again.",
    ),
    (
        "run",
        "Run",
        "The result layer is updated during the fit. The fit stops by itself before it learns "
        "the noise; <i>Stop and keep</i> stops it at once.",
    ),
    (
        "curve_section",
        "Curve",
        "Unfold it to see the errors by iteration; the dashed line is the iteration that is kept. "
        "The text above gives the stopping rule, the noise level and warnings.",
    ),
    (
        "iterate",
        "Iterations",
        "Earlier iterations are smoother, later ones have more detail. <i>Keep this one</i> "
        "makes the iteration on the screen the result; <i>Continue</i> adds later ones.",
    ),
    (
        "inspector",
        "Inspect",
        "Drag a line between image and result, see the residual in units of the noise, and "
        "compare with other methods.",
    ),
    (
        "save",
        "Save",
        "Saves the result with its axes, scale, units and report.",
    ),
    (
        "settings",
        "Settings",
        "Save and load settings; copy a command or a script that gives the same result.",
    ),
)


def has_tours() -> bool:
    """Return whether this version of napari has tours."""
    return find_spec(_TOURS) is not None


def start_tour(dock: QWidget) -> None:
    """Show the tour of the visible widgets of the dock."""
    tours = import_module(_TOURS)
    steps = [
        tours.TourStep(
            target=partial(_shown, dock, name),
            title=title,
            body=text,
            anchor=tours.TourAnchor.LEFT,
            ensure_visible=partial(_scroll_to, dock, name),
        )
        for name, title, text in _STOPS
    ]
    tour = tours.GuidedTour(steps, dock.window())
    dock.destroyed.connect(tour.close_tour)
    get_app_model().commands.execute_command(_COMMAND, tour=tour).result()


def _shown(dock: QWidget, name: str) -> QWidget | None:
    """Return a widget of the dock; None while it is hidden."""
    widget = dock.findChild(QWidget, name)
    return widget if widget is not None and widget.isVisibleTo(dock) else None


def _scroll_to(dock: QWidget, name: str) -> bool:
    """Scroll to a widget; return whether the dock has scrolled."""
    widget, area = _shown(dock, name), dock.findChild(QScrollArea)
    if widget is None or not area.isAncestorOf(widget):
        return False
    before = area.verticalScrollBar().value()
    area.ensureWidgetVisible(widget)
    return bool(area.verticalScrollBar().value() != before)
