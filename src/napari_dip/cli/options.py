"""Options: what the command line accepts, made from the configuration's own fields."""

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
ImageFile = Annotated[
    Path, Parameter(help="Image file: TIFF, OME-Zarr, NIfTI, DICOM, PNG or .npy.")
]


@Parameter(name="*")
class Options(DipConfig):
    """`DipConfig` as options; the nested fit settings come from a file only."""

    # Written out option by option they would show one preset's numbers as defaults of all.
    fit: Annotated[FitConfig | None, Parameter(parse=False)] = None
    # Otherwise it would be asked for as --voxel-size.z, .y and .x.
    voxel_size: Annotated[VoxelSize | None, Parameter(accepts_keys=False)] = Field(
        None, description=DipConfig.model_fields["voxel_size"].description
    )
    deterministic: Flag = Field(
        False, description=DipConfig.model_fields["deterministic"].description
    )

    @field_validator("dims", mode="before")
    @classmethod
    def _read_number(cls, value: Any) -> Any:
        # Options arrive as text, which pydantic does not compare with Literal[2].
        return int(value) if str(value).isdigit() else value

    @field_validator("voxel_size", mode="before")
    @classmethod
    def _read_sizes(cls, value: Any) -> Any:
        sizes = by_axis("voxel-size", value, float) if isinstance(value, str) else value
        return {"y": sizes, "x": sizes} if isinstance(sizes, float) else sizes


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Files:
    """What a task reads and writes beside its image.

    Parameters
    ----------
    output
        Result; format by suffix (default: IMAGE_TASK.ome.tif beside the input).
    reference
        Truth, for reporting only: adds psnr, ssim, best_psnr, best_iteration.
    affine
        The reference was scaled separately: match its intensities first.
    uncertainty
        Per-pixel standard deviation: over the runs, or of one run's samples.
    config
        JSON of a configuration, or of a report; other options override it.
    save_config
        Write the complete configuration here.
    estimate
        Write nothing; say after some seconds what time and memory it would take at most.
    as_json
        Print the report, one JSON object, alone on stdout.
    overwrite
        Replace outputs that exist.
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
    """Return the file's configuration, overridden by the options that were given."""
    chosen = options.model_dump(exclude_unset=True)
    values = {} if file is None else _read_configuration(file)
    if "preset" in chosen:
        # A complete configuration spells its preset out; another preset replaces that.
        values = {key: values[key] for key in values.keys() - {"fit", "max_iterations"}}
    try:
        return DipConfig.model_validate({**values, **chosen})
    except ValidationError as error:
        unknown = any(detail["type"] == "extra_forbidden" for detail in error.errors())
        where = f" {file} may be of a newer version; expected known options."
        raise UsageError(explain(error, option) + (where if unknown else "")) from error


def by_axis(option: str, text: str, number: Callable[[str], Number]) -> Number | dict[str, Number]:
    """Read "4" or "y=2,x=4".

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
        # Some editors begin a file with a byte order mark.
        values = json.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(
            f"Got --config {file}, which cannot be read ({error}); expected JSON."
        ) from error
    values = values.get("config", values) if isinstance(values, dict) else values
    if not isinstance(values, dict):
        raise UsageError(f"Got --config {file}; expected a JSON object of options.")
    return values


def option(place: str) -> str:
    """Return what the command line calls a field.

    Examples
    --------
    >>> option("max_iterations")
    '--max-iterations'
    """
    return f"--{place.replace('_', '-')}"
