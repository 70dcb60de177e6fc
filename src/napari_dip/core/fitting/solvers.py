"""Solvers: the ways to find the estimate of a block, by their names in the configuration."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from typing import TYPE_CHECKING

from napari_dip.core.fitting.axial.fit import fit_axial
from napari_dip.core.fitting.fit import fit
from napari_dip.core.fitting.plug_and_play.solver import plug_and_play

if TYPE_CHECKING:
    from napari_dip.config.names import SolverName
    from napari_dip.core.fitting.result import Fit, Snapshot

# All have the parameters of `fit`.
SOLVERS: Mapping[SolverName, Callable[..., Generator[Snapshot, None, Fit]]] = {
    "fit": fit,
    "plug-and-play": plug_and_play,
    "axial": fit_axial,
}
