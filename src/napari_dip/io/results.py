"""Outputs: where results go, what is refused before the work, and how they are written."""

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
# Describes a result, writes it or what is left of it, and returns the report.
Write = Callable[["Restoration"], dict[str, Any]]


def check_outputs(
    images: Sequence[Path],
    others: Sequence[Path],
    *,
    inputs: Sequence[Path] = (),
    overwrite: bool = False,
) -> None:
    """Raise now what writing would raise after the work.

    Parameters
    ----------
    images, others : sequence of Path
        Image files, and files of any other kind, that will be written.
    inputs : sequence of Path
        Files that must not be touched, even with `overwrite`.
    overwrite : bool
        Outputs that exist are replaced.
    """
    seen = {path.resolve() for path in inputs}
    for path in (*images, *others):
        if path.resolve() in seen:
            raise UsageError(f"Got {path} twice; expected a file of its own for every output.")
        seen.add(path.resolve())
    for path in images:
        check_output(path, overwrite)
    for path in others:
        if not path.parent.is_dir():
            raise FileFormatError(f"Got {path}; expected the folder {path.parent} to exist.")
        check_writable(path)
        if path.exists() and not overwrite:
            raise OutputExistsError(
                f"Got {path}, which exists; expected a new name, or leave to replace it.",
                Hint("overwrite"),
            )


def output_dtype(path: Path, image: Image) -> np.dtype[Any] | None:
    """Return the type an output is converted to; None for float32, as it is.

    A .png holds keeps_result numbers only, so it gets the type of the image; what a format
    cannot hold is refused, before the work.
    """
    if path.name.lower().endswith((".nii", ".nii.gz")):
        check_colours(image)
    if path.suffix.lower() != ".png":
        return None
    if image.dtype not in (np.uint8, np.uint16) or image.axes not in ("YX", "YXS"):
        raise FileFormatError(
            f"Got {path} for {image.dtype.name} values with axes {image.axes}; a .png holds one "
            "plane of uint8 or uint16. Choose .ome.tif."
        )
    return image.dtype


def read_source(
    source: Path, output: Path, task: Task, axes: str | None, *, keeps_result: bool = False
) -> Image:
    """Read an image; lazily if neither it nor the result need ever be in memory as a keeps_result.

    That is so from Zarr to OME-Zarr, unless something needs the `keeps_result` result.
    """
    if not keeps_result and task.by_parts and output.suffix.lower() == ".zarr" and is_zarr(source):
        image = read_image(source, axes, lazy=True)
        if has_zarr_order(image.axes) and image.dtype.isnative:
            return image
    return read_image(source, axes)


def discard_output(image: Image) -> Any:
    """Return a place for a result that is not wanted; None, for memory, as `open_output` does."""
    return None if isinstance(image.data, np.ndarray) else _DiscardedOutput(image.shape)


class _DiscardedOutput:
    """Takes a result of a shape, and forgets it."""

    dtype = np.dtype(np.float32)

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape

    def __getitem__(self, at: Any) -> NDArray[np.float32]:
        nothing: NDArray[np.float32] = np.broadcast_to(np.float32(0), self.shape)[at]
        return nothing

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
    """Give the place of a result, None for memory, and what writes it and its report.

    A lazy image was read from a Zarr, and its result goes to one.
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
    """Write the image and its report; return the report.

    Parameters
    ----------
    output : Path
        The image file; the report goes beside it.
    result : Restoration
        What to write.
    source : mapping
        `identity` of the file that was restored.
    overwrite : bool
        Replace files that exist.
    dtype : dtype, optional
        Convert the values.
    numbers : mapping, optional
        Figures to add to the report.
    rescue : bool
        An image that cannot be written is kept in the folder for temporary files.
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
        kept = Path(tempfile.mkdtemp(prefix="napari-dip-")) / output.name
        write(kept)
        raise type(error)(f"{error} The result is kept: {kept}.") from error
    save_json(report_path(output), report)
    return report


def file_identity(path: Path) -> dict[str, str]:
    """Return what a report says of a file; before the work, during which the file may change."""
    return {"path": str(path), "sha256": sha256_of(path)}


def _report(
    result: Restoration, source: Mapping[str, str], numbers: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    record = result.report.input.model_copy(update=source)
    given = result.report.model_copy(update={"input": record})
    report: dict[str, Any] = json_values({**given.as_json(), **(numbers or {})})
    return report


def save_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write JSON, keeps_result or not at all."""
    with atomic_write(path) as partial:
        partial.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")


def report_path(output: Path) -> Path:
    """Return where the report of an output belongs."""
    return output.with_name(f"{output.name}.json")


def default_output(image: Path, task: str) -> Path:
    """Return IMAGE_TASK.ome.tif beside the image."""
    return image.with_name(f"{file_stem(image)}_{task}.ome.tif")


def default_folder(image: Path, task: str) -> Path:
    """Return the folder IMAGE_TASK beside the image."""
    return image.with_name(f"{file_stem(image)}_{task}")


def file_stem(path: Path) -> str:
    """Return the name without its suffix, however long that is."""
    name = path.name
    longest = next((end for end in _LONG_SUFFIXES if name.lower().endswith(end)), path.suffix)
    return name.removesuffix(name[len(name) - len(longest) :]) if longest else name
