"""Parameters of a task: label, description, unit and limits, each written once.

The command line and the form of the window are made from them, as they are from the
fields of the configuration.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from napari_dip.core.tasks.base import Task

Kind = Literal["image", "number", "integer", "integers", "flag", "choice", "text"]


@dataclass(frozen=True, slots=True)
class TaskParameter:
    """What a user needs to know about one parameter of a task.

    Attributes
    ----------
    kind : str
        "image": an image file, or a layer. "number" and "integer": one number, or one for
        each axis if `by_axis`. "integers": any count of them. "flag": on or off. "choice":
        one of `choices`. "text": a name.
    label : str
        Name in the window.
    description : str
        One or two sentences; the unit is added where it is shown.
    unit : str
        Such as "pixel" or "micrometre"; "" without one.
    above, minimum, maximum : float, optional
        Limits of a number; `above` itself is not allowed.
    by_axis : bool
        One number for Y and X, or one for each axis that is named.
    choices : mapping of str to str
        Values of a choice, and the words for them in the window.
    option : str
        Name on the command line, where it is not the field's own.
    resampled : bool
        An image whose voxel size matters, and can be given.
    labelled : bool
        An image that may also be a layer of labels.
    """

    kind: Kind
    label: str
    description: str
    unit: str = ""
    above: float | None = None
    minimum: float | None = None
    maximum: float | None = None
    by_axis: bool = False
    choices: Mapping[str, str] = field(default_factory=dict)
    option: str = ""
    resampled: bool = False
    labelled: bool = False


def described(kind: Kind, label: str, description: str, **more: Any) -> dict[str, TaskParameter]:
    """Return the metadata of a dataclass field that users set.

    Examples
    --------
    >>> from dataclasses import dataclass, field
    >>> @dataclass
    ... class Blur:
    ...     sigma: float = field(default=1.0, metadata=described("number", "Width", "Deviation."))
    >>> Blur().sigma
    1.0
    """
    return {"parameter": TaskParameter(kind, label, description, **more)}


def parameters_of(task: type[Task]) -> dict[str, TaskParameter]:
    """Return the parameters of a task that users set, by the name of the field.

    Examples
    --------
    >>> from napari_dip.core.tasks import SuperResolve
    >>> list(parameters_of(SuperResolve))
    ['factor', 'kernel']
    """
    found = {one.name: one.metadata.get("parameter") for one in fields(task)}
    return {name: described for name, described in found.items() if described is not None}
