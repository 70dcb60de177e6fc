"""Result files and reports: names, checks before the restoration, and writing."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_dip.errors import FileFormatError, Hint, NapariDipError, OutputExistsError, UsageError
from napari_dip.io.atomic import atomic_write, check_writable
from napari_dip.io.images import check_output, open_zarr_output, read_image, sha256_of, write_image
from napari_dip.io.json_values import json_values
from napari_dip.io.nifti import check_colours
from napari_dip.io.ome_zarr.store import has_zarr_order, is_zarr

if TYPE_CHECKING:
    from napari_dip.core.image.image import Image
    from napari_dip.core.restoration.progress import Restoration
    from napari_dip.core.tasks import Task

_LONG_SUFFIXES = (".ome.tif", ".ome.tiff", ".ome.zarr", ".nii.gz")
# A function that writes a result and its report, and returns the report.
Write = Callable[["Restoration"], dict[str, Any]]


def check_outputs(
    images: Sequence[Path],
    others: Sequence[Path],
    *,
    inputs: Sequence[Path] = (),
    overwrite: bool = False,
) -> None:
    """Raise the error that writing would raise, before the restoration starts.

    Parameters
    ----------
    images, others : sequence of Path
        Image files, and other files, that will be written.
    inputs : sequence of Path
        Files that must not be replaced, even with `overwrite`.
    overwrite : bool, default False
        Whether existing outputs are replaced.
    """
    seen = {path.resolve() for path in inputs}
    for path in (*images, *others):
        if path.resolve() in seen:
            raise UsageError(f"Got {path} twice; expected different inputs and outputs.")
        seen.add(path.resolve())
    for path in images:
        check_output(path, overwrite)
    for path in others:
        if not path.parent.is_dir():
            raise FileFormatError(f"Got {path}; expected the folder {path.parent} to exist.")
        check_writable(path)
        if path.exists() and not overwrite:
            raise OutputExistsError(
                f"Got {path}, which exists; expected a new name, or permission to replace it.",
                Hint("overwrite"),
            )


def output_dtype(path: Path, image: Image) -> np.dtype[Any] | None:
    """Return the data type that an output is converted to; None to keep float32.

    A .png holds integers only, so its result gets the type of the image.

    Raises
    ------
    FileFormatError
        The format cannot hold the result.
    """
    if path.name.lower().endswith((".nii", ".nii.gz")):
        check_colours(image)
    if path.suffix.lower() != ".png":
        return None
    if image.dtype not in (np.uint8, np.uint16) or image.axes not in ("YX", "YXS"):
        raise FileFormatError(
            f"Got output {path} for {image.dtype.name} values with axes {image.axes}; expected one "
            "plane of uint8 or uint16 for .png. Choose .ome.tif."
        )
    return image.dtype


def read_source(
    source: Path, output: Path, task: Task, axes: str | None, *, keeps_result: bool = False
) -> Image:
    """Read an image, lazily if the task can run from Zarr to OME-Zarr block by block.

    Parameters
    ----------
    source : Path
        Image file.
    output : Path
        Result file.
    task : Task
        Task that will run.
    axes : str or None
        Axes that replace those of the file.
    keeps_result : bool, default False
        Whether the complete result is needed in memory, which rules out lazy reading.
    """
    if not keeps_result and task.by_parts and output.suffix.lower() == ".zarr" and is_zarr(source):
        image = read_image(source, axes, lazy=True)
        if has_zarr_order(image.axes) and image.dtype.isnative:
            return image
    return read_image(source, axes)


def discard_output(image: Image) -> Any:
    """Return an array that discards the result of a lazy image; None for an image in memory."""
    return None if isinstance(image.data, np.ndarray) else _DiscardedOutput(image.shape)


class _DiscardedOutput:
    """A float32 array whose written values are discarded."""

    dtype = np.dtype(np.float32)

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape

    def __getitem__(self, at: Any) -> NDArray[np.float32]:
        zeros: NDArray[np.float32] = np.broadcast_to(np.float32(0), self.shape)[at]
        return zeros

    def __setitem__(self, at: Any, values: NDArray[np.float32]) -> None:
        return


@contextmanager
def open_output(
    output: Path,
    image: Image,
    source: Mapping[str, str],
    *,
    overwrite: bool,
    dtype: np.dtype[Any] | None,
    rescue: bool = False,
) -> Iterator[tuple[Any, Write]]:
    """Yield the array for the result and the function that writes it and its report.

    The array is None for an image in memory. A lazy image comes from a Zarr; its result is
    written to an OME-Zarr block by block.

    Parameters
    ----------
    output : Path
        Result file.
    image : Image
        Image that will be restored.
    source : mapping
        `file_identity` of the image file.
    overwrite : bool
        Whether existing files are replaced.
    dtype : dtype or None
        Data type of the result; None to keep float32.
    rescue : bool, default False
        Whether a result that cannot be written is saved to the temporary folder.
    """
    if isinstance(image.data, np.ndarray):
        yield (
            None,
            lambda result: write_result(
                output, result, source, overwrite=overwrite, dtype=dtype, rescue=rescue
            ),
        )
        return
    with open_zarr_output(output, image, overwrite=overwrite) as (array, complete):

        def write(result: Restoration) -> dict[str, Any]:
            report = _report(result, source)
            complete(json.dumps(report))
            save_json(report_path(output), report)
            return report

        yield array, write


def write_result(
    output: Path,
    result: Restoration,
    source: Mapping[str, str],
    *,
    overwrite: bool,
    dtype: np.dtype[Any] | None = None,
    numbers: Mapping[str, Any] | None = None,
    rescue: bool = False,
) -> dict[str, Any]:
    """Write a result and, beside it, its report; return the report.

    Parameters
    ----------
    output : Path
        Result file.
    result : Restoration
        Result of a restoration.
    source : mapping
        `file_identity` of the image file.
    overwrite : bool
        Whether existing files are replaced.
    dtype : dtype, optional
        Data type to convert to; float32 by default.
    numbers : mapping, optional
        Additional numbers for the report, such as quality with a reference.
    rescue : bool, default False
        Whether a result that cannot be written is saved to the temporary folder.
    """
    report = _report(result, source, numbers)

    def write(path: Path) -> None:
        write_image(
            path, result.image, description=json.dumps(report), overwrite=overwrite, dtype=dtype
        )

    try:
        write(output)
    except NapariDipError as error:
        if not rescue:
            raise
        rescued = Path(tempfile.mkdtemp(prefix="napari-dip-")) / output.name
        write(rescued)
        raise type(error)(f"{error} The result is saved as {rescued}.") from error
    save_json(report_path(output), report)
    return report


def file_identity(path: Path) -> dict[str, str]:
    """Return path and SHA-256 of an image file for the report.

    Call it before the restoration, during which the file may change.
    """
    return {"path": str(path), "sha256": sha256_of(path)}


def _report(
    result: Restoration, source: Mapping[str, str], numbers: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    record = result.report.input.model_copy(update=source)
    complete = result.report.model_copy(update={"input": record})
    report: dict[str, Any] = json_values({**complete.as_json(), **(numbers or {})})
    return report


def save_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write a JSON file atomically."""
    with atomic_write(path) as partial:
        partial.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")


def report_path(output: Path) -> Path:
    """Return the path of the report of an output: its name with .json appended."""
    return output.with_name(f"{output.name}.json")


def default_output(image: Path, task: str) -> Path:
    """Return IMAGE_TASK.ome.tif beside the image."""
    return image.with_name(f"{file_stem(image)}_{task}.ome.tif")


def default_folder(image: Path, task: str) -> Path:
    """Return the folder IMAGE_TASK beside the image."""
    return image.with_name(f"{file_stem(image)}_{task}")


def file_stem(path: Path) -> str:
    """Return the name of a file without its suffix, such as .tif or .ome.tif."""
    name = path.name
    suffix = next((long for long in _LONG_SUFFIXES if name.lower().endswith(long)), path.suffix)
    return name[: len(name) - len(suffix)]
