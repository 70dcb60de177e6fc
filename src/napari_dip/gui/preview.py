"""The result layer, drawn on while the fit runs, and what that may cost."""

# Qt classes have no types for mypy, hence the ignored subclassing below.
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QObject
from qtpy.QtWidgets import QOpenGLWidget, QWidget

from napari_dip.gui.layers import as_shown

if TYPE_CHECKING:
    import napari
    from napari.layers import Image as ImageLayer

    from napari_dip.core.progress import Progress, Restoration
    from napari_dip.gui.job import Job

# Shortest time between two refreshes [seconds], and how many times its cost a
# refresh must wait: 1/50 of the GUI thread's time is felt by nobody.
_SHORTEST = 0.2
_WAIT_PER_COST = 50


class Pace:
    """Tells when the next refresh is due, from what the last one cost.

    Parameters
    ----------
    clock : callable
        Time [seconds].
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._start = float("-inf")
        self._awaits_paint = False
        self.cost = 0.0

    @property
    def interval(self) -> float:
        """From the start of one refresh to the next [seconds]."""
        return max(_SHORTEST, _WAIT_PER_COST * self.cost)

    @property
    def due(self) -> bool:
        return self._clock() - self._start >= self.interval

    def start(self) -> None:
        self._start = self._clock()

    def stop(self) -> None:
        """A refresh has returned; it may still have to be painted."""
        self.cost = self._clock() - self._start
        self._awaits_paint = True

    def painted(self) -> None:
        """A frame is on the screen: the first one after a refresh is part of its cost."""
        if self._awaits_paint:
            self.cost = self._clock() - self._start
            self._awaits_paint = False


class Preview(QObject):  # type: ignore[misc]
    """The layer of one run, from its first progress on.

    The user may rename, hide or delete it at any time; a deleted preview comes
    back with the result.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
    job : Job
    parent : QWidget
        Whose window shows the viewer.
    """

    def __init__(self, viewer: "napari.viewer.Viewer", job: "Job", parent: QWidget) -> None:
        super().__init__(parent)
        self.pace = Pace()
        self._viewer = viewer
        self._job = job
        self._canvas: NDArray[Any] | None = None
        self._layer: ImageLayer | None = None
        # Qt tells when a frame was drawn; the canvas itself is not public in napari.
        for surface in _main_window(parent).findChildren(QOpenGLWidget):
            surface.frameSwapped.connect(self._painted)

    def observe(self, canvas: NDArray[Any]) -> None:
        """Take the copy of the observation that estimates are drawn on."""
        self._canvas = canvas

    def draw(self, progress: "Progress") -> bool:
        """Write an estimate into the layer's array; tell whether `refresh` must show it.

        Not so if the layer is new: it comes painted, at a cost that tells nothing.
        """
        assert self._canvas is not None  # the observation comes first
        self._canvas[progress.selection] = as_shown(progress.estimate, self._job.image)
        if self._layer is not None:
            return True
        self._layer = self._add(self._canvas, **self._job.kwargs)
        return False

    def refresh(self, progress: "Progress") -> None:
        """Show the estimate, if its plane is on the screen."""
        layer = self._find_layer()
        if layer is not None and self._is_on_screen(layer, progress):
            # Its extent and looks do not change; the thumbnail follows at the end.
            layer.refresh(thumbnail=False, highlight=False, extent=False)

    def finish(self, restoration: "Restoration") -> "list[ImageLayer]":
        """Turn the preview into the result; return all new layers."""
        values = as_shown(np.asarray(restoration.image.data), self._job.image)
        metadata = {"napari_dip": restoration.report.as_json()}
        layer = self._find_layer()
        if layer is None:
            layer = self._add(values, metadata=metadata, **self._job.kwargs)
        else:
            layer.data = values
            layer.metadata = {**layer.metadata, **metadata}
        return [layer, *self._add_uncertainty(restoration, metadata)]

    def _add_uncertainty(
        self, restoration: "Restoration", metadata: dict[str, Any]
    ) -> "list[ImageLayer]":
        if restoration.uncertainty is None:
            return []
        (name, values), kwargs = restoration.uncertainty, dict(self._job.kwargs)
        if kwargs["rgb"]:
            values = values[..., :3].mean(axis=-1)
        kwargs |= {
            "name": f"{kwargs['name']}_{name}",
            "rgb": False,
            "colormap": "viridis",
            "contrast_limits": None,
            "visible": False,
        }
        return [self._add(values, metadata=metadata, **kwargs)]

    def discard(self) -> None:
        """Take the preview away: nothing is kept."""
        layer = self._find_layer()
        if layer is not None:
            self._viewer.layers.remove(layer)

    def _add(self, values: NDArray[Any], **kwargs: Any) -> "ImageLayer":
        return self._viewer.add_image(values, **kwargs)

    def _find_layer(self) -> "ImageLayer | None":
        """Return the preview, unless it was deleted or never made."""
        return self._layer if self._layer in self._viewer.layers else None

    def _is_on_screen(self, layer: "ImageLayer", progress: "Progress") -> bool:
        dims, ndim = self._viewer.dims, layer.ndim
        # The viewer may have more dimensions, in front of the layer's.
        displayed = {axis - (dims.ndim - ndim) for axis in dims.displayed}
        return covers(progress.selection[:ndim], layer.world_to_data(dims.point), displayed)

    def _painted(self) -> None:
        self.pace.painted()


def _main_window(widget: QWidget) -> QWidget:
    """Return the window that a dock belongs to, also while it floats."""
    while widget.parentWidget() is not None:
        widget = widget.parentWidget()
    return widget


def covers(
    selection: Sequence[int | slice], position: Sequence[float], displayed: set[int]
) -> bool:
    """Tell whether a selection is part of what is displayed at a position.

    Examples
    --------
    >>> covers((2, slice(None), slice(None)), (2.0, 0.0, 0.0), {1, 2})
    True
    >>> covers((2, slice(None), slice(None)), (3.0, 0.0, 0.0), {1, 2})
    False
    """
    return all(
        axis in displayed or isinstance(part, slice) or part == round(float(at))
        for axis, (part, at) in enumerate(zip(selection, position, strict=True))
    )
