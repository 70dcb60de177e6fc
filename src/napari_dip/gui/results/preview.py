"""The result layer: drawn on while the fit runs, and gone back in."""

# Qt classes have no types for mypy, hence the ignored subclassing below.
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QObject
from qtpy.QtWidgets import QOpenGLWidget, QWidget

from napari_dip.core.restoration.reselect import choose, chosen
from napari_dip.gui.job.layer_image import as_shown
from napari_dip.gui.results.history import History, Iterate
from napari_dip.gui.results.places import covers, is_whole
from napari_dip.gui.results.refresh_rate import Pace
from napari_dip.gui.session.preferences import past_memory

if TYPE_CHECKING:
    import napari
    from napari.layers import Image as ImageLayer

    from napari_dip.core.records import Report
    from napari_dip.core.restoration.progress import Progress, Restoration
    from napari_dip.gui.job.job import Job

    Selection = tuple[int | slice, ...]


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
        self.viewer = viewer
        self.job = job
        self._canvas: NDArray[Any] | None = None
        self._layer: ImageLayer | None = None
        self._blocks = 0
        self._history = History(past_memory())
        self._restoration: Restoration | None = None
        self._earlier: tuple[Restoration, NDArray[Any]] | None = None
        # Of each block: what the rule kept, the user's choice, and what the layer shows.
        self._results: dict[int, Iterate] = {}
        self._choices: dict[int, Iterate] = {}
        self._shown: dict[int, Iterate] = {}
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
        values = as_shown(progress.estimate, self.job.image)
        self._canvas[progress.selection] = values
        self._shown.pop(progress.block, None)
        self._blocks = progress.blocks
        # Tiles are blended and runs averaged: one of them alone is no result.
        if self.job.config.runs == 1 and is_whole(progress.selection, self.job.image.axes):
            self._history.add(progress, values)
        if self._layer is not None:
            return True
        self._layer = self._add(self._canvas, **self.job.kwargs)
        return False

    def refresh(self, progress: "Progress") -> None:
        """Show the estimate, if its plane is on the screen."""
        layer = self._find_layer()
        if layer is not None and self._is_on_screen(layer, progress.selection):
            # Its extent and looks do not change; the thumbnail follows at the end.
            layer.refresh(thumbnail=False, highlight=False, extent=False)

    def finish(self, restoration: "Restoration") -> "list[ImageLayer]":
        """Turn the preview into the result; return all new layers."""
        values = as_shown(np.asarray(restoration.image.data), self.job.image)
        metadata = {"napari_dip": restoration.report.as_json()}
        layer = self._find_layer()
        if layer is None:
            layer = self._add(values, metadata=metadata, **self.job.kwargs)
        else:
            layer.data = values
            layer.metadata = {**layer.metadata, **metadata}
        # From now on the layer's own array is drawn on.
        self._layer, self._canvas, self._restoration = layer, layer.data, restoration
        self._earlier = None
        self._shown.clear()
        spread = self._add_uncertainty(restoration, metadata)
        for choice in list(self._choices.values()):
            self.keep(choice)
        return [layer, *spread]

    @property
    def report(self) -> "Report | None":
        """What was done, and chosen; None before the run is over."""
        return None if self._restoration is None else self._restoration.report

    @property
    def layer(self) -> "ImageLayer | None":
        """The layer, unless it was deleted or its array replaced: then it is the user's alone."""
        layer = self._find_layer()
        return layer if layer is not None and layer.data is self._canvas else None

    @property
    def alone(self) -> bool:
        """Whether there is but one block."""
        return self._blocks == 1

    @property
    def can_go_on(self) -> bool:
        """Whether the run is over and can be gone on with."""
        done = self._restoration
        return done is not None and done.checkpoints is not None and self.layer is not None

    def go_on(self) -> "Restoration":
        """Return what is gone on from; it stays the result until `finish`."""
        assert self._restoration is not None
        assert self._canvas is not None
        self.show_kept()
        self._earlier = self._restoration, self._canvas.copy()
        self._restoration = None
        self._results.clear()
        self._choices.clear()
        return self._earlier[0]

    def take_back(self) -> bool:
        """Show the earlier result again, if a run was gone on with; tell whether it was."""
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
        """Return a block that has iterates and is displayed, of several the newest."""
        layer = self.layer
        if layer is None:
            return None
        at = self._history.selections().items()
        return next((block for block, one in at if self._is_on_screen(layer, one)), None)

    def iterates(self, block: int) -> "list[Iterate]":
        """Return the iterates of a block, in order; among them the one that the rule kept."""
        iterates = {one.iteration: one for one in self._history.of(block)}
        if iterates and self.report is not None:
            if block not in self._results:
                self._results[block] = self._result(next(iter(iterates.values())))
            result = self._results[block]
            iterates[result.iteration] = result
        return [iterates[iteration] for iteration in sorted(iterates)]

    def _result(self, like: Iterate) -> Iterate:
        """Return what the layer has at a block; a copy, as it will be drawn over."""
        assert self._canvas is not None
        assert self.report is not None
        records = {record.index: record for record in self.report.blocks}
        iteration = records[like.block].selected_iteration
        values = np.array(self._canvas[like.selection])
        return Iterate(like.block, like.selection, iteration, values)

    def kept_iteration(self, block: int) -> int | None:
        """Return whose iteration's values are the result at a block; None while it runs."""
        kept = self._choices.get(block) or self._results.get(block)
        return None if kept is None else kept.iteration

    def shown_iteration(self, block: int) -> int:
        """Return whose iteration's values the layer shows at a block: the newest of a run."""
        shown = self._shown.get(block) or self._choices.get(block) or self._results.get(block)
        return (shown or self._history.of(block)[-1]).iteration

    def show_iterate(self, iterate: Iterate) -> None:
        """Draw an iterate; the layer's metadata are those of what it shows."""
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
        """Draw the result wherever another iterate is shown."""
        for block in list(self._shown):
            kept = self._choices.get(block) or self._results.get(block)
            if kept is not None:
                self.show_iterate(kept)
            self._shown.pop(block)

    def keep(self, iterate: Iterate) -> None:
        """Make an iterate the result: now, or once the run is over."""
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
        return [self._add(values, metadata=metadata, **kwargs)]

    def discard(self) -> None:
        """Take the preview away: nothing is kept."""
        layer = self._find_layer()
        if layer is not None:
            self.viewer.layers.remove(layer)

    def _add(self, values: NDArray[Any], **kwargs: Any) -> "ImageLayer":
        return self.viewer.add_image(values, **kwargs)

    def _find_layer(self) -> "ImageLayer | None":
        """Return the preview, unless it was deleted or never made."""
        return self._layer if self._layer in self.viewer.layers else None

    def _is_on_screen(self, layer: "ImageLayer", selection: "Selection") -> bool:
        dims, ndim = self.viewer.dims, layer.ndim
        # The viewer may have more dimensions, in front of the layer's.
        displayed = {axis - (dims.ndim - ndim) for axis in dims.displayed}
        return covers(selection[:ndim], layer.world_to_data(dims.point), displayed)

    def _painted(self) -> None:
        self.pace.painted()


def _main_window(widget: QWidget) -> QWidget:
    """Return the window that a dock belongs to, also while it floats."""
    while widget.parentWidget() is not None:
        widget = widget.parentWidget()
    return widget
