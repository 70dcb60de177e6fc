"""The result layer: updated during the fit; shows earlier iterates afterwards."""

# Qt classes have no types for mypy, hence the ignored subclassing below.
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QObject
from qtpy.QtWidgets import QOpenGLWidget, QWidget

from napari_dip.core.restoration.reselect import choose, chosen
from napari_dip.gui.job.layer_image import as_shown
from napari_dip.gui.results.preview.contrast import LayerContrast
from napari_dip.gui.results.preview.history import History, Iterate, covers, is_whole
from napari_dip.gui.results.preview.refresh_rate import RefreshRate
from napari_dip.gui.session.preferences import history_memory

if TYPE_CHECKING:
    from collections.abc import Mapping

    import napari
    from napari.layers import Image as ImageLayer

    from napari_dip.core.records import Report
    from napari_dip.core.restoration.progress import Progress, Restoration
    from napari_dip.gui.job.job import Job

    Selection = tuple[int | slice, ...]


class Preview(QObject):  # type: ignore[misc]
    """The layer of one run, hidden until the first estimate: to add one takes napari 0.1 s.

    The user may rename, hide or delete the layer at any time; a deleted layer is added
    again with the result.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
        Viewer that shows the layer.
    job : Job
        Inputs of the run.
    parent : QWidget
        Widget in the window of the viewer.
    """

    def __init__(self, viewer: "napari.viewer.Viewer", job: "Job", parent: QWidget) -> None:
        super().__init__(parent)
        self.refresh_rate = RefreshRate()
        self.viewer = viewer
        self.job = job
        self._canvas: NDArray[Any] | None = None
        self._contrast: LayerContrast | None = None  # RGB has none
        self._layer: ImageLayer | None = None
        self._is_first = False
        self._blocks = 0
        self._history = History(history_memory())
        self._restoration: Restoration | None = None
        self._earlier: tuple[Restoration, NDArray[Any]] | None = None
        # By block: the iterate of the stopping rule, of the user, and on the layer.
        self._results: dict[int, Iterate] = {}
        self._choices: dict[int, Iterate] = {}
        self._shown: dict[int, Iterate] = {}
        # The canvas is not public in napari: find it by its class for its signal.
        for surface in _main_window(parent).findChildren(QOpenGLWidget):
            surface.frameSwapped.connect(self._painted)

    def observe(self, canvas: NDArray[Any]) -> None:
        """Add a hidden layer with the copy of the observation that estimates are written into."""
        self._canvas = canvas
        if (limits := self.job.kwargs.get("contrast_limits")) is not None:
            self._contrast = LayerContrast(limits, canvas)
        selection = self.viewer.layers.selection
        active = selection.active
        self._layer = self._add(canvas, visible=False, **self.job.kwargs)
        selection.active = active  # a run that is refused leaves the selection as it was
        self._is_first = True

    def draw(self, progress: "Progress") -> bool:
        """Write an estimate into the array of the layer; return whether `refresh` must show it.

        False for the first estimate: napari has drawn it already.
        """
        assert self._canvas is not None  # the observation comes first
        assert self._layer is not None
        values = as_shown(progress.estimate, self.job.image)
        self._canvas[progress.selection] = values
        self._shown.pop(progress.block, None)
        self._blocks = progress.blocks
        # A single tile or run is no result: tiles are blended and runs averaged.
        if self.job.config.runs == 1 and is_whole(progress.selection, self.job.image.axes):
            self._history.add(progress, values)
        if self._contrast is not None:
            self._contrast.show_estimate(self._layer, progress, values)
        return not self._show_first()

    def _show_first(self) -> bool:
        """Show the layer if it has not been shown yet; return whether that was so."""
        first, self._is_first = self._is_first, False  # from now on the user may hide it
        if first and (layer := self._find_layer()) is not None:
            layer.visible = True
            self.viewer.layers.selection.active = layer
        return first

    def refresh(self, progress: "Progress") -> None:
        """Draw the estimate, if its plane is displayed."""
        layer = self._find_layer()
        if layer is not None and self._is_on_screen(layer, progress.selection):
            # The extent does not change; `finish` updates the thumbnail.
            layer.refresh(thumbnail=False, highlight=False, extent=False)

    def finish(self, restoration: "Restoration") -> "list[ImageLayer]":
        """Turn the preview into the result; return all new layers."""
        values = as_shown(np.asarray(restoration.image.data), self.job.image)
        metadata = {"napari_dip": restoration.report.as_json()}
        layer = self._find_layer()
        if layer is None:
            layer = self._add(values, metadata, **self.job.kwargs)
        else:
            layer.data = values
            layer.metadata = {**layer.metadata, **metadata}
        self._show_first()
        if self._contrast is not None:
            self._contrast.show_result(layer, values)
        # From now on iterates are written into the array of the layer.
        self._layer, self._canvas, self._restoration = layer, layer.data, restoration
        self._earlier = None
        self._shown.clear()
        for choice in list(self._choices.values()):
            self.keep(choice)
        return [layer, *self._add_uncertainty(restoration, metadata)]

    @property
    def report(self) -> "Report | None":
        """Report of the run, with the choices of the user; None during the run."""
        return None if self._restoration is None else self._restoration.report

    @property
    def layer(self) -> "ImageLayer | None":
        """The layer; None if the user has deleted it or replaced its array."""
        layer = self._find_layer()
        return layer if layer is not None and layer.data is self._canvas else None

    @property
    def has_one_block(self) -> bool:
        """Whether the run has a single block."""
        return self._blocks == 1

    @property
    def can_continue(self) -> bool:
        """Whether the run has ended with a fit, and has the checkpoints to continue it."""
        result = self._restoration
        if result is None or result.checkpoints is None or self.layer is None:
            return False
        return result.report.config.max_iterations != 0

    def prepare_to_continue(self) -> "Restoration":
        """Return the result to continue from; it stays the result until `finish`."""
        assert self._restoration is not None
        assert self._canvas is not None
        self.show_kept()
        self._earlier = self._restoration, self._canvas.copy()
        self._restoration = None
        self._results.clear()
        self._choices.clear()
        return self._earlier[0]

    def restore_earlier(self) -> bool:
        """Show the result before a continued run again; return whether there is one."""
        if self._earlier is None:
            return False
        self._restoration, values = self._earlier
        self._earlier = None
        self._shown.clear()
        if (layer := self.layer) is not None:
            layer.data[...] = values
            layer.refresh(highlight=False, extent=False)
        return True

    def block_on_screen(self) -> int | None:
        """Return the newest displayed block that has iterates, or None."""
        layer = self.layer
        if layer is None:
            return None
        selections = self._history.selections().items()
        displayed = (block for block, part in selections if self._is_on_screen(layer, part))
        return next(displayed, None)

    def iterates(self, block: int) -> "list[Iterate]":
        """Return the iterates of a block by iteration, with the one that the rule kept."""
        iterates = {iterate.iteration: iterate for iterate in self._history.of(block)}
        if iterates and self.report is not None:
            if block not in self._results:
                self._results[block] = self._result(next(iter(iterates.values())))
            result = self._results[block]
            iterates[result.iteration] = result
        return [iterates[iteration] for iteration in sorted(iterates)]

    def _result(self, iterate: Iterate) -> Iterate:
        """Return the result in the block of an iterate, as a copy: the layer will change."""
        assert self._canvas is not None
        assert self.report is not None
        records = {record.index: record for record in self.report.blocks}
        iteration = records[iterate.block].selected_iteration
        values = np.array(self._canvas[iterate.selection])
        return Iterate(iterate.block, iterate.selection, iteration, values)

    def kept_iteration(self, block: int) -> int | None:
        """Return the iteration of the result in a block; None during the run."""
        kept = self._choices.get(block) or self._results.get(block)
        return None if kept is None else kept.iteration

    def shown_iteration(self, block: int) -> int:
        """Return the iteration that the layer shows in a block; during a run the newest."""
        shown = self._shown.get(block) or self._choices.get(block) or self._results.get(block)
        return (shown or self._history.of(block)[-1]).iteration

    def show_iterate(self, iterate: Iterate) -> None:
        """Draw an iterate, and give the layer the report of that iterate."""
        layer = self.layer
        if layer is None:
            return
        layer.data[iterate.selection] = iterate.values
        self._shown[iterate.block] = iterate
        report, kept = self.report, self.kept_iteration(iterate.block)
        if report is not None:
            if iterate.iteration != kept:
                report = chosen(report, self.job.task, iterate.block, iterate.iteration)
            layer.metadata = {**layer.metadata, "napari_dip": report.as_json()}
        layer.refresh(highlight=False, extent=False)

    def show_kept(self) -> None:
        """Draw the result in all blocks that show another iterate."""
        for block in list(self._shown):
            if kept := self._choices.get(block) or self._results.get(block):
                self.show_iterate(kept)
            self._shown.pop(block)

    def keep(self, iterate: Iterate) -> None:
        """Make an iterate the result: now, or at the end of the run."""
        self._choices[iterate.block] = iterate
        layer = self.layer
        if layer is None or self._restoration is None:
            return
        if iterate.block not in self._results:
            self._results[iterate.block] = self._result(iterate)
        layer.data[iterate.selection] = iterate.values
        image = self._restoration.image.with_data(layer.data)
        self._restoration = choose(
            replace(self._restoration, image=image),
            self.job.image,
            self.job.task,
            iterate.block,
            iterate.iteration,
        )
        self.show_iterate(iterate)

    def _add_uncertainty(
        self, restoration: "Restoration", metadata: dict[str, Any]
    ) -> "list[ImageLayer]":
        if restoration.uncertainty is None:
            return []
        (name, values), kwargs = restoration.uncertainty, dict(self.job.kwargs)
        if kwargs["rgb"]:
            values = values[..., :3].mean(axis=-1)
        kwargs |= {
            "name": f"{kwargs['name']}_{name}",
            "rgb": False,
            "colormap": "viridis",
            "contrast_limits": None,
            "visible": False,
        }
        return [self._add(values, metadata, **kwargs)]

    def discard(self) -> None:
        """Remove the layer."""
        layer = self._find_layer()
        if layer is not None:
            self.viewer.layers.remove(layer)

    def _add(
        self, values: NDArray[Any], report: "Mapping[str, Any] | None" = None, **kwargs: Any
    ) -> "ImageLayer":
        kwargs["metadata"] = {**kwargs["metadata"], **(report or {})}
        return self.viewer.add_image(values, **kwargs)

    def _find_layer(self) -> "ImageLayer | None":
        """Return the layer, if it is in the viewer."""
        return self._layer if self._layer in self.viewer.layers else None

    def _is_on_screen(self, layer: "ImageLayer", selection: "Selection") -> bool:
        dims, ndim = self.viewer.dims, layer.ndim
        # A viewer with more dimensions has them before those of the layer.
        displayed = {axis - (dims.ndim - ndim) for axis in dims.displayed}
        return covers(selection[:ndim], layer.world_to_data(dims.point), displayed)

    def _painted(self) -> None:
        self.refresh_rate.painted()


def _main_window(widget: QWidget) -> QWidget:
    """Return the main window of a dock, also while the dock floats."""
    while widget.parentWidget() is not None:
        widget = widget.parentWidget()
    return widget
