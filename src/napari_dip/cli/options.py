"""Options that all commands share, made from the fields of the configuration."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

from cyclopts import Parameter
from pydantic import Field, ValidationError, field_validator

from napari_dip.config import DipConfig, FitConfig, VoxelSize
from napari_dip.config.messages import explain
from napari_dip.errors import UsageError

Number = TypeVar("Number", int, float)
Flag = Annotated[bool, Parameter(negative="")]
JsonFlag = Annotated[bool, Parameter(name="--json", negative="")]


@Parameter(name="*")
class Options(DipConfig):
    """`DipConfig` as options; the fit settings come only from a file."""

    # As options they would show the numbers of one preset as defaults of all.
    fit: Annotated[FitConfig | None, Parameter(parse=False)] = None
    # One option instead of --voxel-size.z, .y and .x.
    voxel_size: Annotated[VoxelSize | None, Parameter(accepts_keys=False)] = Field(
        None, description=DipConfig.model_fields["voxel_size"].description
    )
    deterministic: Flag = Field(
        False, description=DipConfig.model_fields["deterministic"].description
    )

    @field_validator("dims", mode="before")
    @classmethod
    def _read_number(cls, value: Any) -> Any:
        # Options are text, which pydantic does not accept for Literal[2].
        return int(value) if str(value).isdigit() else value

    @field_validator("voxel_size", mode="before")
    @classmethod
    def _read_sizes(cls, value: Any) -> Any:
        sizes = by_axis("voxel-size", value, float) if isinstance(value, str) else value
        return {"y": sizes, "x": sizes} if isinstance(sizes, float) else sizes


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Files:
    """Files that a command reads and writes, besides its image.

    Parameters
    ----------
    output
        Result; the suffix decides the format (default: IMAGE_TASK.ome.tif beside the input).
    reference
        Ground truth, only for the report: adds psnr, ssim, best_psnr and best_iteration.
    affine
        Match the intensities of the reference to those of the image before comparing.
    uncertainty
        Standard deviation of each pixel: over the runs, or over samples of a single run.
    config
        JSON file of a configuration or of a report; other options override it.
    save_config
        JSON file for the complete configuration.
    estimate
        Write no result; after a few seconds print upper bounds of time and memory.
    as_json
        Print only the report, one JSON object, on stdout.
    overwrite
        Replace existing outputs.
    """

    output: Annotated[Path | None, Parameter(alias="-o")] = None
    reference: Path | None = None
    affine: Flag = False
    uncertainty: Path | None = None
    config: Path | None = None
    save_config: Path | None = None
    estimate: Flag = False
    as_json: JsonFlag = False
    overwrite: Flag = False


def configure(options: Options, file: Path | None) -> DipConfig:
    """Return the configuration: options first, then the file, then the defaults.

    Parameters
    ----------
    options : Options
        Options of the command line; only those that were set count.
    file : Path or None
        JSON file of a configuration or of a report.
    """
    chosen = options.model_dump(exclude_unset=True)
    values = {} if file is None else _read_configuration(file)
    if "preset" in chosen:
        # A complete configuration holds the settings of its preset, which would win.
        values = {key: values[key] for key in values.keys() - {"fit", "max_iterations"}}
    try:
        return DipConfig.model_validate({**values, **chosen})
    except ValidationError as error:
        unknown = any(detail["type"] == "extra_forbidden" for detail in error.errors())
        cause = f" {file} may come from a newer version; expected known options."
        raise UsageError(explain(error, option) + (cause if unknown else "")) from error


def by_axis(option: str, text: str, number: Callable[[str], Number]) -> Number | dict[str, Number]:
    """Read one number, such as "4", or numbers by axis, such as "y=2,x=4".

    Parameters
    ----------
    option : str
        Name of the option without dashes, for the error message.
    text : str
        Value of the option.
    number : callable
        Type of the numbers, `int` or `float`.

    Raises
    ------
    UsageError
        The text is not of this form.

    Examples
    --------
    >>> by_axis("factor", "4", int), by_axis("factor", "y=2,x=4", int)
    (4, {'y': 2, 'x': 4})
    """
    try:
        if "=" not in text:
            return number(text)
        pairs = [part.split("=") for part in text.split(",")]
        numbers = {axis.strip().lower(): number(value) for axis, value in pairs}
        if len(numbers) < len(pairs):
            raise ValueError("an axis twice")
        return numbers
    except ValueError as error:
        raise UsageError(
            f"Got --{option} {text}; expected a number, or one for each axis, such as y=2,x=4."
        ) from error


def _read_configuration(file: Path) -> dict[str, Any]:
    try:
        # Some editors write a byte order mark.
        values = json.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(
            f"Got --config {file}, which cannot be read ({error}); expected JSON."
        ) from error
    values = values.get("config", values) if isinstance(values, dict) else values
    if not isinstance(values, dict):
        raise UsageError(f"Got --config {file}; expected a JSON object of options.")
    return values


def option(field: str) -> str:
    """Return the option of a field.

    Examples
    --------
    >>> option("max_iterations")
    '--max-iterations'
    """
    return f"--{field.replace('_', '-')}"
