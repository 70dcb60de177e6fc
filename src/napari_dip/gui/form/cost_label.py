"""Estimate of the time and memory of a run, before it starts; without torch."""

# Qt classes have no types for mypy, hence the ignored subclassing below.
from __future__ import annotations

import json
from math import prod
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QLabel

from napari_dip.config import (
    learned_fit,
    plug_and_play_fit,
    suits_learned_start,
    suits_plug_and_play,
)
from napari_dip.core.blocks.neighbours import neighbour_axis
from napari_dip.core.blocks.plan import block_shape, count_channels, plan_blocks
from napari_dip.core.hardware.fit_cost import fit_memory, fit_work, iteration_work
from napari_dip.errors import NapariDipError
from napari_dip.gui.job.job import size_of_part
from napari_dip.gui.session.settings import remembered_file
from napari_dip.io.results import save_json
from napari_dip.render.text import at_most

if TYPE_CHECKING:
    from pathlib import Path

    from napari_dip.config import DipConfig
    from napari_dip.core.image.image import Image
    from napari_dip.core.records import Report
    from napari_dip.gui.form.form import Form
    from napari_dip.gui.job.choices import TaskChoice
    from napari_dip.gui.job.job import Job

# Missing pixels are filled up to twice without some known ones, to choose how, and then with all.
_TRIALS = 3


class CostLabel(QLabel):  # type: ignore[misc]
    """Label with the estimated memory and time of a run.

    Parameters
    ----------
    form : Form
        Form with the settings of the run.
    """

    def __init__(self, form: Form) -> None:
        super().__init__()
        self._form = form
        self._pace = remembered_pace()
        self.setObjectName("cost")
        self.setWordWrap(True)
        self.setToolTip(
            "Memory of the fit, and time of all iterations; most fits stop earlier. "
            "The time appears after the first run."
        )
        self._idle = True
        form.changed.connect(self.update_text)
        self.update_text()

    def follow(self, *, idle: bool) -> None:
        """Show the estimate if no run is active; a run shows its own time."""
        if idle != self._idle:
            self._idle = idle
            self.update_text()

    def update_text(self) -> None:
        """Show the estimate for the current form; nothing while a setting is not valid."""
        if not self._idle:
            self.setText("")
            return
        try:
            choices, layer = self._form.choices, self._form.layer
            image = None if layer is None else size_of_part(choices, layer)
            text = "" if image is None else cost(image, choices.task, choices.config, self._pace)
        except NapariDipError:
            text = ""
        self.setText(text)

    def learn(self, report: Report, job: Job) -> None:
        """Take the pace from the report of a run."""
        pace = pace_of(report, job.image, job.task.factors().get("Y", 1))
        if pace is not None:
            self._pace = pace
            remember_pace(pace)
        self.update_text()


def cost(image: Image, task: TaskChoice, config: DipConfig, pace: float | None) -> str:
    """Return the estimated memory of a run, and its time if the pace is known.

    Parameters
    ----------
    image : Image
        Image to restore; only its shape counts.
    task : TaskChoice
        Task, which decides the preset.
    config : DipConfig
        Configuration of the form.
    pace : float or None
        Time for one unit of work [seconds].

    Returns
    -------
    str
        Such as "0.4 GB of memory" or, with a pace, "0.4 GB, at most 3 min".
    """
    # The preset of inpainting depends on the mask; reading it takes too long here.
    complete = config.complete(task.name)  # type: ignore[arg-type]
    plan = plan_blocks(image, config.channels, complete.dims)
    factor = task.values.get("factor", 1)
    pixels = prod(block_shape(plan[0], image)) * factor**2
    channels = count_channels(plan[0], image)
    settings = complete.fit
    if suits_learned_start(complete, task.name, channels):  # type: ignore[arg-type]
        beside = channels == 1 and neighbour_axis(image) is not None
        settings = learned_fit(complete, channels=channels, coarse_noise=False, neighbours=beside)
    elif suits_plug_and_play(complete, task.name):  # type: ignore[arg-type]
        settings = plug_and_play_fit(complete, task.name)  # type: ignore[arg-type]
    memory = f"{max(fit_memory(settings, pixels, channels) / 1e9, 0.1):.1f} GB"
    if pace is None:
        return f"{memory} of memory"
    seconds = pace * fit_work(settings, pixels, channels) * len(plan) * config.runs
    if settings.solver == "plug-and-play" and task.name == "inpaint":
        seconds *= _TRIALS
    limit = config.time_limit
    return f"{memory}, at most {at_most(seconds if limit is None else min(seconds, limit))}"


def pace_of(report: Report, image: Image, factor: float = 1.0) -> float | None:
    """Return the time of a unit of work in a run [seconds]; None if nothing was fitted."""
    config = report.config
    if config.fit is None or not report.blocks or report.seconds_per_iteration <= 0:
        return None
    plan = plan_blocks(image, config.channels, config.dims or 2)
    pixels = prod(block_shape(plan[0], image)) * factor**2
    return report.seconds_per_iteration / iteration_work(config.fit, int(pixels))


def remember_pace(pace: float) -> None:
    """Save the pace of this machine for the next session, if the file can be written."""
    file = _file()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        save_json(file, {"seconds_per_work": pace})
    except OSError:
        return


def remembered_pace() -> float | None:
    """Return the pace of the last run on this machine [seconds per unit of work], or None."""
    try:
        pace = float(json.loads(_file().read_text(encoding="utf-8"))["seconds_per_work"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return pace if pace > 0 else None


def _file() -> Path:
    return remembered_file().with_name("pace.json")
