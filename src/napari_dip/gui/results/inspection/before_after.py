"""Before and after: the image left and the result right of a line that the mouse drags."""

# Qt classes have no types for mypy, hence the ignored subclassing below.
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QEvent, QObject, QRect, Qt, Signal
from qtpy.QtGui import QMouseEvent, QPainter, QPaintEvent
from qtpy.QtWidgets import QOpenGLWidget, QWidget

from napari_dip.gui.job.layer_image import result_kwargs

if TYPE_CHECKING:
    import napari
    from napari.layers import Image as ImageLayer

    from napari_dip.gui.results.preview.preview import Preview

# Shows the image while it is held.
KEY = "H"
# Width of the line with its dark edges, and side of its handle [pixels].
_LINE, _HANDLE = 4, 14


class Solo:
    """Hides all layers of a viewer but one, and shows them again.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
        Viewer with the layers.
    shown : napari.layers.Layer
        The layer to show.
    """

    def __init__(self, viewer: "napari.viewer.Viewer", shown: Any) -> None:
        self._layers = viewer.layers
        self._visible = {layer: layer.visible for layer in viewer.layers}
        for layer in self._visible:
            layer.visible = layer is shown

    def restore(self) -> None:
        """Restore the visibility of the layers that the viewer still has."""
        for layer, visible in self._visible.items():
            if layer in self._layers:
                layer.visible = visible


class HoldKey:
    """Key of the viewer that shows the image alone while it is held.

    Parameters
    ----------
    preview : Preview
        Preview of a finished run.
    """

    def __init__(self, preview: "Preview") -> None:
        self._preview = preview
        preview.viewer.bind_key(KEY, self._show_image, overwrite=True)

    def release(self) -> None:
        """Give the key back."""
        self._preview.viewer.bind_key(KEY, None)

    def _show_image(self, viewer: "napari.viewer.Viewer") -> Generator[None, None, None]:
        source = self._preview.job.layer
        if source not in viewer.layers:
            return
        solo = Solo(viewer, source)
        yield
        solo.restore()


class BeforeAfter(QObject):  # type: ignore[misc]
    """A layer with the part of the image that is left of a line, over the result.

    napari has clipping planes for volumes only, so this layer is cut to size.

    Parameters
    ----------
    preview : Preview
        Preview of a finished run; its viewer changes to planes.
    window : QWidget
        Window of the viewer.

    Attributes
    ----------
    ended : Signal()
        The view has changed to one that cannot be divided.
    """

    ended = Signal()

    def __init__(self, preview: "Preview", window: QWidget) -> None:
        super().__init__(window)
        self._viewer, self._job = preview.viewer, preview.job
        self._camera = getattr(self._viewer, "scene", self._viewer).camera  # napari < 0.9
        self._viewer.dims.ndisplay = 2
        self._share = 0.5  # of the canvas, left of the line
        selected = set(self._viewer.layers.selection)
        self._solo = Solo(self._viewer, preview.layer)
        self._layer: ImageLayer = self._viewer.add_image(
            self._job.image.data, **self._kwargs(preview.layer)
        )
        self._viewer.layers.selection = selected
        self._canvas = next(
            canvas for canvas in window.findChildren(QOpenGLWidget) if canvas.isVisible()
        )
        self._line = _Line(self._canvas)
        self._line.moved.connect(self._move)
        self._canvas.installEventFilter(self)
        camera, dims = self._camera.events, self._viewer.dims.events
        self._cutting = (camera.center, camera.zoom)
        self._ending = (dims.ndisplay, dims.order)
        for event in self._cutting:
            event.connect(self._cut)
        for event in self._ending:
            event.connect(self._end)
        self._place()

    @staticmethod
    def fits(preview: "Preview") -> bool:
        """Return whether image and result can be shown beside one another."""
        return preview.layer is not None and not np.iscomplexobj(preview.job.image.data)

    @property
    def is_shown(self) -> bool:
        """Whether the viewer has the layer."""
        return self._layer in self._viewer.layers

    def close(self) -> None:
        """Remove line and layer, and restore the visibility of the other layers."""
        for event in self._cutting:
            event.disconnect(self._cut)
        for event in self._ending:
            event.disconnect(self._end)
        self._canvas.removeEventFilter(self)
        self._line.hide()
        self._line.deleteLater()
        if self.is_shown:
            self._viewer.layers.remove(self._layer)
        self._solo.restore()
        self.deleteLater()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the size of the canvas."""
        if event.type() == QEvent.Type.Resize:
            self._place()
        return False

    def _kwargs(self, result: "ImageLayer") -> dict[str, Any]:
        kwargs = self._placed([0] * self._job.image.data.ndim)
        if not result.rgb:
            kwargs |= {"contrast_limits": result.contrast_limits, "colormap": result.colormap}
        return kwargs | {"blending": "opaque", "opacity": 1.0}

    def _placed(self, first: list[int]) -> dict[str, Any]:
        """Return the arguments of a layer that starts at an index of the image."""
        origin = [a + b for a, b in zip(self._job.origin, first, strict=True)]
        return {**result_kwargs(self._job.layer, "before", origin), "visible": True}

    def _move(self, x: int) -> None:
        self._share = min(max(x / max(self._canvas.width(), 1), 0.0), 1.0)
        self._place()

    def _place(self) -> None:
        self._line.place(round(self._share * self._canvas.width()), self._canvas.height())
        self._cut()

    def _end(self, *_: object) -> None:
        self.ended.emit()

    def _cut(self, *_: object) -> None:
        """Cut the layer at the line."""
        if not self.is_shown:
            return
        data, axis = self._job.image.data, self._horizontal_axis()
        edge, size = self._edge(axis), data.shape[axis]
        start, stop = (0, edge) if self._grows_rightwards(axis) else (edge, size)
        self._layer.visible = start < stop
        if start >= stop:
            return
        first = [0] * data.ndim
        first[axis] = start
        part = (slice(None),) * axis + (slice(start, stop),)
        self._layer.data = data[part]
        self._layer.translate = self._placed(first)["translate"]

    def _horizontal_axis(self) -> int:
        dims, ndim = self._viewer.dims, self._layer.ndim
        return int(dims.displayed[-1] - (dims.ndim - ndim))

    def _world(self, pixel: float) -> list[float]:
        """Return the world coordinates of a position along the middle row of the canvas."""
        camera, dims = self._camera, self._viewer.dims
        right = 1 if camera.orientation2d[1] == "right" else -1
        point = list(dims.point)
        vertical, horizontal = dims.displayed
        point[vertical] = camera.center[-2]
        offset = (pixel - self._canvas.width() / 2) / camera.zoom
        point[horizontal] = camera.center[-1] + right * offset
        return point

    def _index(self, pixel: float, axis: int) -> float:
        """Return the index along an axis of the image below a position on the canvas."""
        return (
            float(self._job.layer.world_to_data(self._world(pixel))[axis]) - self._job.origin[axis]
        )

    def _edge(self, axis: int) -> int:
        edge = round(self._index(self._share * self._canvas.width(), axis) + 0.5)
        return max(min(edge, int(self._job.image.shape[axis])), 0)

    def _grows_rightwards(self, axis: int) -> bool:
        return self._index(self._canvas.width(), axis) > self._index(0, axis)


class _Line(QWidget):  # type: ignore[misc]
    """A vertical line over the canvas.

    Attributes
    ----------
    moved : Signal(int)
        The mouse has dragged the line to this column of the canvas.
    """

    moved = Signal(int)

    def __init__(self, canvas: QWidget) -> None:
        super().__init__(canvas)
        self.setObjectName("before_after_line")
        self.setCursor(Qt.CursorShape.SplitHCursor)
        self.setToolTip("Left: image. Right: result. Drag the line.")
        self.show()

    def place(self, x: int, height: int) -> None:
        """Move the line to a column of the canvas."""
        self.setGeometry(x - _HANDLE // 2, 0, _HANDLE, height)
        self.raise_()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self.moved.emit(self.mapToParent(event.pos()).x())

    def mousePressEvent(self, event: QMouseEvent) -> None:
        event.accept()  # the canvas must not pan

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        middle = self.width() // 2
        line = QRect(middle - _LINE // 2, 0, _LINE, self.height())
        handle = QRect(0, (self.height() - 2 * _HANDLE) // 2, _HANDLE, 2 * _HANDLE)
        for shape in (line, handle):
            painter.fillRect(shape, Qt.GlobalColor.black)
            painter.fillRect(shape.adjusted(1, 0, -1, 0), Qt.GlobalColor.white)
