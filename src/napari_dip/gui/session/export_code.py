"""Export of a job as a command or a Python script that gives the same pixels. No Qt."""

from __future__ import annotations

import shlex
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_dip.core.tasks import TASKS, Deconvolve
from napari_dip.core.tasks.parameters import parameters_of
from napari_dip.errors import UsageError
from napari_dip.gui.job.job import SAME_PIXELS
from napari_dip.gui.job.layer_image import image_of
from napari_dip.gui.job.origin import is_its_file
from napari_dip.gui.session.settings import Settings, remembered_file, save

if TYPE_CHECKING:
    from napari_dip.core.image.image import Image
    from napari_dip.gui.job.job import Job


def as_command(job: Job) -> str:
    """Return the command that restores the file of a layer.

    Raises
    ------
    UsageError
        The job restores a part of a file, or a layer without a file.
    """
    choices, layer = job.choices, job.layer
    if choices.region != "all":
        raise UsageError(
            "Got a region; expected the whole image: the command line restores whole files. "
            "Choose the region 'whole image', or copy as Python."
        )
    words = ["napari-dip", job.task.name, _path_of(layer, "image")]
    parameters = parameters_of(TASKS[choices.task.name])
    for name, value in choices.task.values.items():
        option = f"--{(parameters[name].option or name).replace('_', '-')}"
        if hasattr(value, "axis_labels"):
            words += [option, _path_of(value, name)]
        elif isinstance(value, bool):
            words += [option] * value
        elif value is not None:
            for part in value if isinstance(value, tuple) else (value,):
                words += [option, str(part)]
    words += _configured(job)
    return subprocess.list2cmdline(words) if sys.platform == "win32" else shlex.join(words)


def _configured(job: Job) -> list[str]:
    """Return the options that differ from the defaults, with axes and voxel size."""
    chosen = job.config.model_dump(mode="json", exclude_defaults=True)
    words: list[str] = []
    if chosen.pop("fit", None) is not None:
        words += ["--config", str(_config_file(job))]
        chosen = {}
    chosen["axes"] = job.image.axes
    spacing = job.config.voxel_size or _micrometres(job.image)
    if spacing:
        chosen["voxel_size"] = ",".join(f"{axis.lower()}={n!r}" for axis, n in spacing.items())
    for name, value in chosen.items():
        words += [f"--{name.replace('_', '-')}", str(value)]
    return words


def _config_file(job: Job) -> Path:
    """Write the configuration to a file named by its checksum: `fit` has no options."""
    text = job.config.model_dump_json()
    name = f"config-{sha256(text.encode()).hexdigest()[:12]}.json"
    file = remembered_file().with_name(name)
    save(Settings(job.config), file)
    return file


def _micrometres(image: Image) -> dict[str, float]:
    units = {axis: image.units.get(axis) for axis in "ZYX"}
    return {
        axis: size
        for axis, size in image.voxel_size.items()
        if units.get(axis) in ("micrometer", "um")
    }


def _path_of(layer: Any, role: str) -> str:
    """Return the file of a layer; UsageError without a file or with changed pixels."""
    if not is_its_file(layer):
        state = "has no file" if layer.source.path is None else "differs from its file"
        raise UsageError(
            f"Got a layer as {role} that {state}; expected an unchanged layer of a file. "
            "Save the layer and open the file, or copy as Python."
        )
    return str(layer.source.path)


def as_python(job: Job) -> str:
    """Return a script; layers without a file come from `viewer` of napari's console."""
    choices, layer = job.choices, job.layer
    whole = image_of(layer, choices.config.axes)
    arguments = []
    for name, value in {**choices.task.values, **_optics(job)}.items():
        if hasattr(value, "axis_labels"):
            part = (job, whole) if name in SAME_PIXELS else None
            arguments.append(f"{name}={_image_code(value, image_of(value), part)}")
        elif value is not None:
            arguments.append(f"{name}={value!r}")
    task = TASKS[job.task.name].__name__
    config = job.config.model_dump(mode="json", exclude_defaults=True)
    return "\n".join(
        [
            "from napari_dip import DipConfig, Image, restore",
            "from napari_dip.core.restoration.progress import finish",
            "from napari_dip.io.images import read_image",
            f"from napari_dip.core.tasks import {task}",
            "",
            f"image = {_image_code(layer, whole, (job, whole))}",
            f"task = {task}({', '.join(arguments)})",
            f"config = DipConfig.model_validate({config!r})",
            "restoration = finish(restore(image, task, config))",
            "restored = restoration.image.data",
            "",
        ]
    )


def _optics(job: Job) -> dict[str, Any]:
    """Return the optics in the file of the image, which the image of a script does not have."""
    if not isinstance(job.task, Deconvolve) or job.image.acquisition is None:
        return {}
    task = job.task.with_optics_of(job.image)
    return {
        name: getattr(task, name)
        for name in parameters_of(Deconvolve)
        if getattr(task, name) != getattr(job.task, name)
    }


def _image_code(layer: Any, image: Image, part: tuple[Job, Image] | None) -> str:
    """Return the code of the image of a layer, cut to the region if `part` is given."""
    if is_its_file(layer):
        data = f"read_image({str(layer.source.path)!r}).data"
    else:
        data = f"viewer.layers[{layer.name!r}].data" + "[0]" * bool(layer.multiscale)
    if part is not None and (selection := _selection(image, *part)):
        data += f"[{selection}]"
    sizes = (dict(image.voxel_size), dict(image.units)) if image.voxel_size else ()
    return f"Image({', '.join([data, *map(repr, (image.axes, *sizes))])})"


def _selection(image: Image, job: Job, whole: Image) -> str:
    """Return the index of the region in an image; "" for the whole image."""
    if job.image.shape == whole.shape:
        return ""
    spans = {
        axis: (first, first + size, full)
        for axis, first, size, full in zip(
            whole.axes, job.origin, job.image.shape, whole.shape, strict=True
        )
    }
    parts = []
    for axis, size in zip(image.axes, image.shape, strict=True):
        start, stop, full = spans.get(axis, (0, size, size))
        parts.append(f"{start}:{stop}" if size == full and stop - start < full else ":")
    return ", ".join(parts)
