"""What the user has chosen in the form, before layers are read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class TaskChoice:
    """What the form says about the task; layers are not yet read.

    Attributes
    ----------
    name : str
        One of `TASKS`.
    values : mapping
        Arguments of the task, with napari layers for pictures.
    """

    name: str = "denoise"
    values: Mapping[str, Any] = field(default_factory=dict)
