"""A tour of the dock, by napari's own guide, where napari has one (0.9)."""

# Qt classes have no types for mypy.
from functools import partial
from importlib import import_module
from importlib.util import find_spec

from napari._app_model import get_app_model
from qtpy.QtWidgets import QScrollArea, QWidget

# napari's own tour takes another one; its parts are not public yet.
_TOURS = "napari._qt.widgets.qt_viewer_tour"
_COMMAND = "napari.window.help.viewer_tour"
# Names of widgets, with title and words.
_STOPS = (
    (
        "layer",
        "What is restored",
        "The image layer that you look at. It is never changed: the result is a new layer.",
    ),
    (
        "task",
        "What is wrong with it",
        "Noise, missing pixels, blur, JPEG artefacts and more. Each task shows its own fields.",
    ),
    (
        "preset",
        "How thoroughly",
        "<i>fast</i> takes half of the time of <i>balanced</i>, and is nearly as good.",
    ),
    (
        "try_here",
        "Try it first",
        "Restores only what is in view, with the settings as they are: zoom in, try, change, try "
        "again.",
    ),
    (
        "run",
        "Run",
        "The result sharpens while you look. It ends by itself before it learns the noise; "
        "<i>Stop and keep</i> ends it when you like it.",
    ),
    (
        "curve",
        "How it went",
        "The dashed line is the iteration that is kept. The words below say why it ended, what "
        "noise was found, and what to look out for.",
    ),
    (
        "iterate",
        "Back in time",
        "Earlier results are smoother, later ones have more detail. <i>Keep this one</i> makes "
        "what you see the result.",
    ),
    (
        "closer",
        "Whether to trust it",
        "Blink between before and after, see what was taken away, compare with other methods, "
        "and save the result with its scale and report.",
    ),
    (
        "settings",
        "To keep and to repeat",
        "Settings as a file, and a command or script that gives the same result elsewhere.",
    ),
)


def has_tours() -> bool:
    """Tell whether this napari has tours."""
    return find_spec(_TOURS) is not None


def start_tour(dock: QWidget) -> None:
    """Lead through what is shown of the dock now."""
    tours = import_module(_TOURS)
    steps = [
        tours.TourStep(
            target=partial(_shown, dock, name),
            title=title,
            body=words,
            anchor=tours.TourAnchor.LEFT,
            ensure_visible=partial(_scroll_to, dock, name),
        )
        for name, title, words in _STOPS
    ]
    tour = tours.GuidedTour(steps, dock.window())
    dock.destroyed.connect(tour.close_tour)
    get_app_model().commands.execute_command(_COMMAND, tour=tour).result()


def _shown(dock: QWidget, name: str) -> QWidget | None:
    """Return a widget of the dock; None while there is nothing for it to show."""
    widget = dock.findChild(QWidget, name)
    return widget if widget is not None and widget.isVisibleTo(dock) else None


def _scroll_to(dock: QWidget, name: str) -> bool:
    """Scroll to a widget; tell whether anything has moved."""
    widget, area = _shown(dock, name), dock.findChild(QScrollArea)
    if widget is None or not area.isAncestorOf(widget):
        return False
    before = area.verticalScrollBar().value()
    area.ensureWidgetVisible(widget)
    return bool(area.verticalScrollBar().value() != before)
