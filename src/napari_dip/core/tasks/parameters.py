"""Parameters of a task: label, description, unit and limits, each written once.

The options of the command line and the form in napari are made from them.
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
    """Description of one parameter of a task, for users.

    Attributes
    ----------
    kind : str
        Type of the value. "image": image file or layer. "number" and "integer": one
        number, or one for each axis if `by_axis`. "integers": a list. "flag": on or off.
        "choice": one of `choices`. "text": a name.
    label : str
        Label in the window.
    description : str
        One to three sentences without the unit, which each front end adds.
    unit : str
        Unit, such as "pixel" or "micrometre"; "" without one.
    above : float, optional
        Exclusive lower limit of a number.
    minimum, maximum : float, optional
        Inclusive limits of a number.
    by_axis : bool
        Whether the value is one number for Y and X, or one for each axis.
    choices : mapping of str to str
        Values of a choice, and their labels in the window.
    option : str
        Name on the command line, if it differs from the field's name.
    required : bool
        Whether the task needs an image for this parameter.
    resampled : bool
        Whether the image is resampled to the voxel size of the observation. The user can
        then give its voxel size.
    labelled : bool
        Whether the image may be a layer of labels.
    hint : str
        Value that counts if none is given.
    only_for : mapping of str to tuple of str
        Name of a choice, and its values with which this parameter has an effect; the window
        shows it only then.
    volumes : bool
        Whether the parameter has an effect in volumes only; the window shows it only for an
        image with planes.
    group : str
        Name of a group of parameters that few users need, such as "camera"; "" for the others,
        which come first.
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
    required: bool = False
    resampled: bool = False
    labelled: bool = False
    hint: str = ""
    only_for: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    volumes: bool = False
    group: str = ""


def described(
    kind: Kind, label: str, description: str, **attributes: Any
) -> dict[str, TaskParameter]:
    """Return the metadata of a dataclass field that users set.

    Parameters
    ----------
    kind, label, description
        Attributes of the `TaskParameter`.
    **attributes
        Other attributes of the `TaskParameter`.

    Examples
    --------
    >>> from dataclasses import dataclass, field
    >>> @dataclass
    ... class Blur:
    ...     sigma: float = field(default=1.0, metadata=described("number", "Width", "Deviation."))
    >>> Blur().sigma
    1.0
    """
    return {"parameter": TaskParameter(kind, label, description, **attributes)}


def parameters_of(task: type[Task]) -> dict[str, TaskParameter]:
    """Return the descriptions of the parameters that users set, by the name of the field.

    Examples
    --------
    >>> from napari_dip.core.tasks import SuperResolve
    >>> list(parameters_of(SuperResolve))
    ['factor', 'kernel', 'along_z']
    """
    described_fields = [field for field in fields(task) if "parameter" in field.metadata]
    ordered = sorted(described_fields, key=lambda field: field.metadata["parameter"].group)
    return {attribute.name: attribute.metadata["parameter"] for attribute in ordered}


def default_of(task: type[Task], name: str) -> Any:
    """Return the default of a parameter.

    Examples
    --------
    >>> from napari_dip.core.tasks import SuperResolve
    >>> default_of(SuperResolve, "kernel")
    'lanczos2'
    """
    (attribute,) = (attribute for attribute in fields(task) if attribute.name == name)
    return attribute.default
