"""Options of the tasks, made from the descriptions of their parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, make_dataclass
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar, get_args

from cyclopts import Parameter
from cyclopts.validators import Number

from napari_dip.cli.options import by_axis
from napari_dip.config import BatchTask
from napari_dip.core.tasks import TASKS
from napari_dip.core.tasks.parameters import TaskParameter, default_of, parameters_of
from napari_dip.core.tasks.spec import PictureFile, TaskSpec
from napari_dip.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

Command = TypeVar("Command", bound=Callable[..., int])

# A batch and a comparison do not read the quantisation tables, which `loss` chooses how to use.
_TASKS_WITH_OPTIONS = [task for task in get_args(BatchTask) if task != "dejpeg"]
_VOXEL_SIZE = "_voxel_size"
# mypy would read a type that is computed as the name of a type.
_annotated: Any = Annotated


@dataclass(frozen=True, slots=True)
class _Option:
    """One option of a task: its attribute, type, default, help text and other properties."""

    attribute: str
    type: Any
    default: Any
    help: str
    properties: Parameter

    def field(self, **properties: Any) -> tuple[str, Any, Any]:
        """Return attribute, annotation and default for `make_dataclass`.

        Parameters
        ----------
        **properties
            Properties of the option that override its own.
        """
        own = Parameter(help=self.help)
        annotation = _annotated[self.type, self.properties, own, Parameter(**properties)]
        return self.attribute, annotation, field(default=self.default)


def with_options_of(task: str) -> Callable[[Command], Command]:
    """Give a command, which has a parameter `task`, the options of one task.

    Parameters
    ----------
    task : str
        Name of the task, a key of `TASKS`.
    """
    return _with_options(task, [option.field() for option in _options_of(task)])


def with_options_of_all(command: Command) -> Command:
    """Give a command, which has a parameter `task`, the option --task and those of every task."""
    # Tasks may share an option, such as the mask.
    texts: dict[str, list[str]] = {}
    options: dict[str, _Option] = {}
    for task in _TASKS_WITH_OPTIONS:
        for option in _options_of(task):
            texts.setdefault(option.attribute, []).append(f"{task}: {option.help}")
            options.setdefault(option.attribute, option)
    help_text = "Task; each option below names the tasks that use it."
    name = Annotated[BatchTask, Parameter(name="--task", help=help_text)]
    shared = [
        option.field(help=" ".join(texts[attribute]), required=False)
        for attribute, option in options.items()
    ]
    return _with_options("any", [("task", name, field(default="denoise")), *shared])(command)


def task_spec(values: Any, task: str = "denoise") -> TaskSpec:
    """Return the task that options describe.

    Parameters
    ----------
    values : object or None
        Values of the options; None if the command line has none of them.
    task : str
        Name of the task, unless the options contain it.

    Raises
    ------
    UsageError
        The text of an option cannot be read.
    """
    given = {} if values is None else vars(values)
    task = given.get("task", task)
    parameters = {}
    for name, parameter in parameters_of(TASKS[task]).items():
        value = given.get(name)
        if value is None:
            continue
        if parameter.kind == "image":
            value = PictureFile(value, _voxel_size(name, given.get(name + _VOXEL_SIZE)))
        elif parameter.by_axis:
            number = int if parameter.kind == "integer" else float
            value = by_axis(_option_name(name, parameter), value, number)
        parameters[name] = value
    return TaskSpec(task, parameters)


def _with_options(name: str, options: list[tuple[str, Any, Any]]) -> Callable[[Command], Command]:
    # cyclopts reads no fields from a class of the module "types", the default on Python 3.11.
    home = {"__module__": __name__}
    made = make_dataclass(f"{name}_options", options, frozen=True, kw_only=True, namespace=home)

    def add(command: Command) -> Command:
        command.__annotations__["task"] = Parameter(name="*")(made) | None
        return command

    return add


def _options_of(task: str) -> Iterator[_Option]:
    """Yield the options of a task, in the order of its parameters."""
    for name, parameter in parameters_of(TASKS[task]).items():
        option = _option_name(name, parameter)
        default = default_of(TASKS[task], name)
        value_type = _type(parameter)
        if parameter.by_axis:
            default = None if default is None else str(default)
        yield _Option(
            name,
            value_type if default is not None else value_type | None,
            default,
            _help(parameter),
            _properties(option, parameter),
        )
        if parameter.resampled:
            yield _Option(
                name + _VOXEL_SIZE,
                str | None,
                None,
                f"Voxel size of the {parameter.label} [micrometre], in place of that of the file: "
                "0.1 for Y and X, or z=0.1,y=0.05,x=0.05.",
                Parameter(name=f"--{option}-voxel-size"),
            )


def _option_name(name: str, parameter: TaskParameter) -> str:
    return (parameter.option or name).replace("_", "-")


def _type(parameter: TaskParameter) -> Any:
    if parameter.by_axis:
        return str
    match parameter.kind:
        case "image":
            return Path
        case "number":
            return float
        case "integer":
            return int
        case "integers":
            return tuple[int, ...]
        case "flag":
            return bool
        case "choice":
            return Literal[*parameter.choices]
        case "text":
            return str


def _properties(option: str, parameter: TaskParameter) -> Parameter:
    if parameter.kind == "flag":
        return Parameter(name=f"--{option}", negative="")
    if parameter.kind == "integers":
        return Parameter(name=f"--{option}", negative="", show_default=False, consume_multiple=True)
    if parameter.required:
        return Parameter(name=f"--{option}", required=True)
    limits = Number(gt=parameter.above, gte=parameter.minimum, lte=parameter.maximum)
    numeric = parameter.kind in ("number", "integer") and not parameter.by_axis
    return Parameter(name=f"--{option}", validator=limits if numeric else None)


def _help(parameter: TaskParameter) -> str:
    text = parameter.description
    if parameter.unit:
        text = f"{text.removesuffix('.')} [{parameter.unit}]."
    if parameter.by_axis:
        text += " Such as 2, or z=4,y=2,x=2."
    return text


def _voxel_size(name: str, text: str | None) -> Mapping[str, float] | None:
    """Read a voxel size [micrometre]; a single number applies to Y and X."""
    if text is None:
        return None
    option = f"{name}{_VOXEL_SIZE}".replace("_", "-")
    size = by_axis(option, text, float)
    sizes = size if isinstance(size, dict) else {"y": size, "x": size}
    if not all(0 < length < inf for length in sizes.values()):
        raise UsageError(f"Got --{option} {text}; expected sizes above 0 [micrometre].")
    return sizes
