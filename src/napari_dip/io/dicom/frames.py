"""Frames of an enhanced DICOM file, each with the geometry and scale of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from napari_dip.errors import InputError

if TYPE_CHECKING:
    from pydicom import Dataset

_SHARED, _PER_FRAME = "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"
# Groups of attributes that classic files have at their top.
_GROUPS = (
    "PixelMeasuresSequence",
    "PlaneOrientationSequence",
    "PlanePositionSequence",
    "PixelValueTransformationSequence",
)
_POSITION = "ImagePositionPatient"


def split_frames(file: Path, header: Dataset) -> list[Dataset]:
    """Return a header for each frame of an enhanced file, as a classic file has it.

    Parameters
    ----------
    file : Path
        Its name in an error.
    header : Dataset
        Of any file; that of a classic one is returned as it is.

    Raises
    ------
    InputError
        Several frames are at one position, or are tiles of a slide.
    """
    count = int(header.get("NumberOfFrames") or 1)
    if count > 1 and "TotalPixelMatrixColumns" in header:
        raise InputError(
            f"Got {file}, whose {count} frames are tiles of a slide; expected planes. Convert a "
            "part of the slide to TIFF."
        )
    if _PER_FRAME not in header:
        return [header]
    frames = [_flattened(header, index) for index in range(len(header[_PER_FRAME].value))]
    places = {tuple(map(float, frame.get(_POSITION) or ())) for frame in frames}
    if len(frames) > 1 and places != {()} and len(places) < len(frames):
        raise InputError(
            f"Got {file} with several frames at one position, such as times or echoes; expected "
            "one for each. Convert it to NIfTI first, for instance with dcm2niix."
        )
    return frames


def _flattened(header: Dataset, index: int) -> Dataset:
    """Return a header whose functional groups of one frame are at its top."""
    import pydicom

    flat = pydicom.Dataset()
    flat.update(
        {element.tag: element for element in header if element.keyword not in (_SHARED, _PER_FRAME)}
    )
    if "NumberOfFrames" in flat:
        del flat.NumberOfFrames
    for group in _groups(header, index):
        flat.update(group)
    return flat


def _groups(header: Dataset, index: int) -> Iterator[Dataset]:
    """Yield the groups that all frames share, then those of one frame, which come first."""
    shared = header.get(_SHARED) or []
    for holder in (*shared[:1], header[_PER_FRAME].value[index]):
        for name in _GROUPS:
            if holder.get(name):
                yield holder[name].value[0]
