"""Choice of a task in the form, before its layers are read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class TaskChoice:
    """A task and its arguments, with layers in place of images.

    Attributes
    ----------
    name : str
        One of `TASKS`.
    values : mapping
        Arguments of the task by name; a napari layer for each image.
    """

    name: str = "denoise"
    values: Mapping[str, Any] = field(default_factory=dict)
