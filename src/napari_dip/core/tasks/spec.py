"""TaskSpec: a task and its parameters, with image files in place of images.

A batch describes its task so: it can be sent to another process, and its images are read there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_dip.core.tasks import TASKS

if TYPE_CHECKING:
    from napari_dip.config import BatchTask
    from napari_dip.core.image.image import Image
    from napari_dip.core.tasks.base import Task


@dataclass(frozen=True, slots=True)
class PictureFile:
    """File of an image that a task needs, such as a mask or a PSF.

    Attributes
    ----------
    path : Path
        The file.
    voxel_size : mapping of str to float, optional
        Spacing along each axis named [micrometre], in place of the file's.
    """

    path: Path
    voxel_size: Mapping[str, float] | None = None


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """A task by its name, and its parameters.

    Attributes
    ----------
    name : str
        One of `BatchTask`.
    parameters : mapping
        Arguments of the task by name, an `PictureFile` for each image; defaults can be left out.

    Examples
    --------
    >>> TaskSpec("super-resolve", {"factor": 4}).build(read=lambda path: None).factors()
    {'Y': 4, 'X': 4}
    """

    name: BatchTask = "denoise"
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def build(self, read: Callable[[Path], Image]) -> Task:
        """Return the task; `read` turns a file into an image."""

        def loaded(value: Any) -> Any:
            if not isinstance(value, PictureFile):
                return value
            return read(value.path).calibrated(value.voxel_size)

        return TASKS[self.name](**{name: loaded(value) for name, value in self.parameters.items()})

    def absolute(self) -> TaskSpec:
        """Return the same with paths that mean the same everywhere on this machine."""
        return replace(
            self,
            parameters={
                name: replace(value, path=value.path.absolute())
                if isinstance(value, PictureFile)
                else value
                for name, value in self.parameters.items()
            },
        )

    @property
    def files(self) -> list[Path]:
        """Files that are read beside the image."""
        return [value.path for value in self.parameters.values() if isinstance(value, PictureFile)]
