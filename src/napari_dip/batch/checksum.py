"""Checksum of a task and its configuration, by which a batch recognises finished results."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_dip.config import (
    ADDED_FIT_FIELDS,
    ADDED_NETWORK_FIELDS,
    DEFAULT_ALONG_Z,
    FORMER_STOP,
    REFRACTIVE_INDEX,
    REMOVED_FIT_FIELDS,
    DipConfig,
)
from napari_dip.core.tasks import Deconvolve, Guided, Inpaint, ReconstructKSpace, SuperResolve
from napari_dip.io.images import sha256_of

if TYPE_CHECKING:
    from napari_dip.core.tasks.spec import PictureFile, TaskSpec

# Defaults of the parameters of all tasks.
_DEFAULTS = {
    attribute.name: attribute.default
    for task in (Guided, ReconstructKSpace, Inpaint, SuperResolve, Deconvolve)
    for attribute in fields(task)
}
# Maps of a camera, which the first version lacked.
_CAMERA = ("camera_offset", "camera_gain", "camera_variance")
# Fields of `DipConfig` that the first version lacked, and their defaults.
_ADDED = {
    name: DipConfig.model_fields[name].default
    for name in ("start", "neighbours", "strength", "stripes")
}
# Parameters of a deconvolution that the first version lacked.
_ADDED_OPTICS = (
    "microscope",
    "wavelength_excitation",
    "pinhole",
    "sheet_thickness",
    "specimen_index",
    "depth_of_first_plane",
)


def checksum_of(task: TaskSpec, config: DipConfig) -> str:
    """Return the SHA-256 of everything that determines a result, except image and machine."""
    contents = [sha256_of(path) for path in task.files]
    # The number of threads is a property of the machine.
    settings = config.model_dump(mode="json", exclude={"threads"})
    text = json.dumps(
        [_task_in_first_layout(task), contents, _in_first_version(settings)],
        sort_keys=True,
        default=lambda path: path.name,
    )
    return hashlib.sha256(text.encode()).hexdigest()


def _in_first_version(settings: dict[str, Any]) -> dict[str, Any]:
    """Return a configuration with the names of the first version, which checksums use."""
    rules = {rule: former for former, rule in FORMER_STOP.items()}
    settings["stop"] = rules.get(settings["stop"], settings["stop"])
    if settings["fit"] is not None:
        settings["fit"] = _without_defaults(settings["fit"], ADDED_FIT_FIELDS) | REMOVED_FIT_FIELDS
        fit = settings["fit"]
        fit["network"] = _without_defaults(fit["network"], ADDED_NETWORK_FIELDS)
    return _without_defaults(settings, _ADDED)


def _without_defaults(settings: dict[str, Any], added: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings without the fields that the first version lacked, where these are unset."""
    return {
        name: value for name, value in settings.items() if name not in added or value != added[name]
    }


def _task_in_first_layout(task: TaskSpec) -> dict[str, Any]:
    """Return a task in the layout that all versions use for the checksum.

    A change of this layout would prevent resuming the folders of earlier versions.
    """
    values = {**_DEFAULTS, **task.parameters}

    def path(name: str) -> Path | None:
        file: PictureFile | None = values[name]
        return None if file is None else file.path

    return {
        "name": task.name,
        "missing": {
            "mask": path("mask"),
            **{name: values[name] for name in ("labels", "inverse", "known")},
        },
        "sampling": {
            "factor": _text(values["factor"]),
            "kernel": values["kernel"],
            # Missing from the first version.
            **({} if values["along_z"] == DEFAULT_ALONG_Z else {"along_z": values["along_z"]}),
        },
        "blur": {
            "psf": path("psf"),
            "psf_voxel_size": values["psf"] and _text(values["psf"].voxel_size),
            "sigma": _text(values["sigma"]),
            **{name: values[name] for name in ("na", "wavelength", "optics", "refine_psf")},
            "refractive_index": values["refractive_index"] or REFRACTIVE_INDEX,
            **{name: values[name] for name in _ADDED_OPTICS if values[name] != _DEFAULTS[name]},
        },
        "guide": path("picture"),
        # The first version had no camera maps.
        **{name: path(name) for name in _CAMERA if values[name] is not None},
    }


def _text(value: float | Mapping[str, float] | None) -> str | None:
    """Return a number, or numbers by axis, as text such as "4" or "y=2,x=4"."""
    if isinstance(value, Mapping):
        return ",".join(f"{axis}={number}" for axis, number in value.items())
    return None if value is None else str(value)
