"""Frames of an enhanced DICOM file, each with its own geometry and scale."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from napari_dip.errors import InputError

if TYPE_CHECKING:
    from pydicom import Dataset

_SHARED, _PER_FRAME = "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"
# Functional groups whose attributes are at the top level of classic files.
_GROUPS = (
    "PixelMeasuresSequence",
    "PlaneOrientationSequence",
    "PlanePositionSequence",
    "PixelValueTransformationSequence",
)
_POSITION = "ImagePositionPatient"


def split_frames(file: Path, header: Dataset) -> list[Dataset]:
    """Return one header per frame of an enhanced file, with the layout of a classic file.

    Parameters
    ----------
    file : Path
        File to name in an error.
    header : Dataset
        Header of the file; that of a classic file is returned unchanged.

    Raises
    ------
    InputError
        Several frames have the same position, or the frames are tiles of a slide.
    """
    count = int(header.get("NumberOfFrames") or 1)
    if count > 1 and "TotalPixelMatrixColumns" in header:
        raise InputError(
            f"Got {file}, whose {count} frames are tiles of a slide; expected frames that are "
            "planes. Convert a region of the slide to TIFF."
        )
    if _PER_FRAME not in header:
        return [header]
    frames = [_flattened(header, index) for index in range(len(header[_PER_FRAME].value))]
    positions = {tuple(map(float, frame.get(_POSITION) or ())) for frame in frames}
    if len(frames) > 1 and positions != {()} and len(positions) < len(frames):
        raise InputError(
            f"Got {file} with several frames at one position, such as times or echoes; expected "
            "one frame per position. Convert it to NIfTI first, for example with dcm2niix."
        )
    return frames


def _flattened(header: Dataset, index: int) -> Dataset:
    """Return a header with the functional groups of one frame moved to the top level."""
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
    """Yield the groups shared by all frames, then those of one frame, which override them."""
    shared = header.get(_SHARED) or []
    for holder in (*shared[:1], header[_PER_FRAME].value[index]):
        for name in _GROUPS:
            if holder.get(name):
                yield holder[name].value[0]
