"""What the menu entries call: the dock, set to a task."""

# No `from __future__ import annotations`: napari compares the annotation of
# `viewer` with the text "napari.viewer.Viewer".
from typing import TYPE_CHECKING

from napari_dip.gui.dock import open_dock

if TYPE_CHECKING:
    import napari


def denoise(viewer: "napari.viewer.Viewer") -> None:
    """Remove noise."""
    open_dock(viewer, "denoise")


def inpaint(viewer: "napari.viewer.Viewer") -> None:
    """Fill missing pixels."""
    open_dock(viewer, "inpaint")


def super_resolve(viewer: "napari.viewer.Viewer") -> None:
    """Enlarge."""
    open_dock(viewer, "super-resolve")


def deconvolve(viewer: "napari.viewer.Viewer") -> None:
    """Undo a blur."""
    open_dock(viewer, "deconvolve")


def dejpeg(viewer: "napari.viewer.Viewer") -> None:
    """Remove JPEG artefacts."""
    open_dock(viewer, "dejpeg")


def guided(viewer: "napari.viewer.Viewer") -> None:
    """Restore with a guide."""
    open_dock(viewer, "guided")


def fourier(viewer: "napari.viewer.Viewer") -> None:
    """Reconstruct from some frequencies."""
    open_dock(viewer, "fourier")


def invert_features(viewer: "napari.viewer.Viewer") -> None:
    """Find what looks the same to a trained network."""
    open_dock(viewer, "invert-features")
