"""Settings of the form as JSON: save, load, and remember for the next session. No Qt."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from platformdirs import user_config_path
from pydantic import ValidationError

from napari_dip.config import DipConfig
from napari_dip.config.messages import explain
from napari_dip.core.tasks import TASKS
from napari_dip.core.tasks.parameters import parameters_of
from napari_dip.errors import UsageError
from napari_dip.gui.job.choices import TaskChoice
from napari_dip.gui.session.preferences import preferred_config
from napari_dip.io.results import save_json

_SCHEMA = 1
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of the form, without layers.

    Attributes
    ----------
    config : DipConfig
        Configuration.
    task : TaskChoice
        Task and the values of its fields.
    """

    config: DipConfig = field(default_factory=DipConfig)
    task: TaskChoice = field(default_factory=TaskChoice)


def remembered_file() -> Path:
    """Return the file of the settings of the last run."""
    return user_config_path("napari-dip", appauthor=False) / "settings.json"


def save(settings: Settings, file: Path) -> None:
    """Write settings to a file, completely or not at all."""
    values = {
        name: value
        for name, value in settings.task.values.items()
        if value is not None and not hasattr(value, "axis_labels")
    }
    content = {
        "schema": _SCHEMA,
        "config": settings.config.model_dump(mode="json", exclude_defaults=True),
        "task": {"name": settings.task.name, **values},
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    save_json(file, content)


def load(file: Path) -> Settings:
    """Read settings from a settings file, a configuration or a report.

    Raises
    ------
    UsageError
        The file is not one of these, or another version has written it.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(
            f"Got {file}, which cannot be read ({error}); expected JSON. Choose another file."
        ) from error
    if not isinstance(content, dict):
        raise UsageError(
            f"Got {file}; expected a JSON object of settings. Choose a file that was saved here."
        )
    if "config" in content and content.get("schema", _SCHEMA) != _SCHEMA:
        raise UsageError(
            f"Got {file}, written by another version of napari-dip; expected schema {_SCHEMA}. "
            "Update napari-dip, or set the fields again."
        )
    try:
        config = DipConfig.model_validate(content.get("config", content))
    except ValidationError as error:
        raise UsageError(f"Got {file}, which is not a configuration. {explain(error)}") from error
    return Settings(config, _task(content.get("task")))


def _task(saved: Any) -> TaskChoice:
    """Return a task and the values of its fields; a report has only the name of the task."""
    if isinstance(saved, str):
        saved = {"name": saved}
    if not isinstance(saved, dict) or saved.get("name") not in TASKS:
        return TaskChoice()
    names = parameters_of(TASKS[saved["name"]])
    values = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in saved.items()
        if name in names
    }
    return TaskChoice(saved["name"], values)


def remember(settings: Settings) -> None:
    """Save settings for the next session, if the file can be written; no calibration."""
    # The next image has other axes and another voxel size.
    config = settings.config.model_copy(update={"axes": None, "voxel_size": None})
    try:
        save(replace(settings, config=config), remembered_file())
    except OSError as error:
        _LOG.warning("Settings are not saved for the next session: %s", error)


def remembered() -> Settings:
    """Return the settings of the last run; the preferences if they cannot be read."""
    file = remembered_file()
    if not file.exists():
        return Settings(preferred_config())
    try:
        return load(file)
    except UsageError as error:
        _LOG.warning("Settings of the last session are not loaded: %s", error)
        return Settings(preferred_config())
