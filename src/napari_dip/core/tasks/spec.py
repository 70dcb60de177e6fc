"""TaskSpec: a task and its parameters, with the paths of image files in place of images.

A batch sends it to worker processes, which read the files themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_dip.core.tasks import TASKS

if TYPE_CHECKING:
    from napari_dip.core.image.image import Image
    from napari_dip.core.tasks.base import Task


@dataclass(frozen=True, slots=True)
class PictureFile:
    """Image file that a task needs, such as a mask or a PSF.

    Attributes
    ----------
    path : Path
        Path of the image file.
    voxel_size : mapping of str to float, optional
        Voxel size along each axis [micrometre]; it replaces that of the file.
    """

    path: Path
    voxel_size: Mapping[str, float] | None = None


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """Name of a task and its parameters.

    Attributes
    ----------
    name : str
        Name of the task, a key of `TASKS`.
    parameters : mapping
        Arguments of the task by name, with a `PictureFile` for each image. Arguments that
        are left out have their defaults.

    Examples
    --------
    >>> TaskSpec("super-resolve", {"factor": 4}).build(read=lambda path: None).factors()
    {'Y': 4, 'X': 4}
    """

    name: str = "denoise"
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def build(self, read: Callable[[Path], Image]) -> Task:
        """Return the task.

        Parameters
        ----------
        read : callable
            Function that reads an image file.
        """

        def loaded(value: Any) -> Any:
            if not isinstance(value, PictureFile):
                return value
            return read(value.path).calibrated(value.voxel_size)

        return TASKS[self.name](**{name: loaded(value) for name, value in self.parameters.items()})

    def absolute(self) -> TaskSpec:
        """Return a copy with absolute paths, for processes in another working directory."""
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
        """Paths of the image files among the parameters."""
        return [value.path for value in self.parameters.values() if isinstance(value, PictureFile)]
