"""About how much time and memory a run takes, told before it starts; without torch."""

# Qt classes have no types for mypy, hence the ignored subclassing below.
from __future__ import annotations

import json
from math import prod
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QLabel

from napari_dip.core.blocks.plan import block_shape, count_channels, plan_blocks
from napari_dip.core.hardware.fit_cost import fit_memory, iteration_work
from napari_dip.errors import NapariDipError
from napari_dip.gui.job.job import size_of_part
from napari_dip.gui.session.settings import remembered_file
from napari_dip.io.results import save_json
from napari_dip.render.text import duration

if TYPE_CHECKING:
    from pathlib import Path

    from napari_dip.config import DipConfig
    from napari_dip.core.image.image import Image
    from napari_dip.core.records import Report
    from napari_dip.gui.form.form import Form
    from napari_dip.gui.job.choices import TaskChoice
    from napari_dip.gui.job.job import Job


class Cost(QLabel):  # type: ignore[misc]
    """Says what a run of a form's choices may take.

    Parameters
    ----------
    form : Form
        Whose choices.
    """

    def __init__(self, form: Form) -> None:
        super().__init__()
        self._form = form
        self._pace = remembered_pace()
        self.setObjectName("cost")
        self.setWordWrap(True)
        self.setToolTip(
            "Memory of the fit, and time if every iteration is needed: mostly it ends sooner. The "
            "time is known once this machine has restored something."
        )
        form.changed.connect(self.follow)
        self.follow()

    def follow(self) -> None:
        """Say it of what the form says now; nothing of what makes no sense."""
        try:
            choices, layer = self._form.choices, self._form.layer
            image = None if layer is None else size_of_part(choices, layer)
            text = "" if image is None else cost(image, choices.task, choices.config, self._pace)
        except NapariDipError:
            text = ""
        self.setText(text)

    def learn(self, report: Report, job: Job) -> None:
        """Take up the pace of a run."""
        pace = pace_of(report, job.image, job.task.factors().get("Y", 1))
        if pace is not None:
            self._pace = pace
            remember_pace(pace)
        self.follow()


def cost(image: Image, task: TaskChoice, config: DipConfig, pace: float | None) -> str:
    """Say what a run may take: memory, and time where the pace of this machine is known.

    Parameters
    ----------
    image : Image
        Only its shape counts.
    task : TaskChoice
        Whose presets are used.
    config : DipConfig
        As the form says it.
    pace : float or None
        Seconds for one unit of work.

    Returns
    -------
    str
        Such as "About 0.4 GB; at most 2 min 10 s".
    """
    # Presets of a task that depend on its mask are not asked for: that takes time.
    config = config.complete(task.name)  # type: ignore[arg-type]
    settings, dims = config.fit, config.dims
    assert settings is not None
    assert dims is not None
    plan = plan_blocks(image, config.channels, dims)
    factor = task.values.get("factor", 1)
    pixels = prod(block_shape(plan[0], image)) * factor**2
    channels = count_channels(plan[0], image)
    memory = f"About {max(fit_memory(settings, pixels, channels) / 1e9, 0.1):.1f} GB"
    if pace is None:
        return memory
    fits = len(plan) * config.runs * settings.max_iterations
    seconds = pace * iteration_work(settings, pixels) * fits
    limit = config.time_limit
    return f"{memory}; at most {duration(seconds if limit is None else min(seconds, limit))}"


def pace_of(report: Report, image: Image, factor: float = 1.0) -> float | None:
    """Return what a unit of work took in a run [seconds]; None if nothing was fitted."""
    config = report.config
    if config.fit is None or not report.blocks or report.seconds_per_iteration <= 0:
        return None
    plan = plan_blocks(image, config.channels, config.dims or 2)
    pixels = prod(block_shape(plan[0], image)) * factor**2
    return report.seconds_per_iteration / iteration_work(config.fit, int(pixels))


def remember_pace(pace: float) -> None:
    """Keep the pace of this machine for the next session, if that can be done."""
    file = _file()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        save_json(file, {"seconds_per_work": pace})
    except OSError:
        return


def remembered_pace() -> float | None:
    """Return the pace of the last run on this machine, if there was one."""
    try:
        pace = float(json.loads(_file().read_text(encoding="utf-8"))["seconds_per_work"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return pace if pace > 0 else None


def _file() -> Path:
    return remembered_file().with_name("pace.json")
