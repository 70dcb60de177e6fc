"""Pixel values of a DICOM file: decoding, colours, scale and padding."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_dip.errors import FileFormatError, InputError

if TYPE_CHECKING:
    from pydicom import Dataset

_GREY = ("MONOCHROME1", "MONOCHROME2")
_PALETTE = "PALETTE COLOR"
# pydicom or its decoders convert all of these to RGB.
_COLOURS = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_PARTIAL_420", "YBR_ICT", "YBR_RCT")


def is_colour(header: Dataset) -> bool:
    """Return whether the decoded values are RGB."""
    return header.get("PhotometricInterpretation") in (_PALETTE, *_COLOURS)


def check_values(file: Path, header: Dataset) -> None:
    """Raise an error for an unsupported colour model or position of bits."""
    bits = header.get("BitsStored")
    if bits is not None and header.get("HighBit", bits - 1) != bits - 1:
        raise InputError(
            f"Got {file}, whose values do not start at the lowest bit; expected HighBit = "
            "BitsStored - 1. Convert it to NIfTI."
        )
    model = header.get("PhotometricInterpretation", _GREY[1])
    if model not in (*_GREY, _PALETTE, *_COLOURS):
        raise InputError(
            f"Got {file} with an unsupported colour model; expected grey values, RGB, YBR or a "
            "palette. Convert it to RGB."
        )
    if model == _PALETTE and "RedPaletteColorLookupTableDescriptor" not in header:
        raise InputError(
            f"Got {file} with palette colours but without the palette; expected its tables in the "
            "file. Convert it to RGB."
        )


def read_values(file: Path, headers: Sequence[Dataset], warnings: list[str]) -> NDArray[Any]:
    """Return the values of a file, ([frames, ]Y, X[, S]).

    Parameters
    ----------
    file : Path
        DICOM file with pixels.
    headers : sequence of Dataset
        Header with slope and intercept: one for all frames, or one per frame.
    warnings : list of str
        List to which warnings about changed values are added.
    """
    import pydicom

    dataset = pydicom.dcmread(file)
    stored = _decoded(file, dataset)
    if dataset.get("PhotometricInterpretation") == _PALETTE:
        from pydicom.pixels import apply_color_lut

        return np.asarray(apply_color_lut(stored, dataset))
    if is_colour(dataset):
        return stored
    missing = _padding(stored, dataset)
    if len(headers) == 1:
        values = _calibrated(file, stored, headers[0], warnings)
    else:
        frames = zip(stored, headers, strict=True)
        values = np.stack([_calibrated(file, *frame, warnings) for frame in frames])
    if not missing.any():
        return values
    warnings.append(
        "Pixels with the padding value of the file count as missing and are filled in the result."
    )
    # float64 if float32 cannot represent every value.
    return np.where(missing, np.nan, values).astype(np.result_type(values.dtype, np.float32))


def _decoded(file: Path, dataset: Dataset) -> NDArray[Any]:
    try:
        return np.asarray(dataset.pixel_array)
    except (NotImplementedError, RuntimeError, ImportError) as error:
        syntax = dataset.file_meta.TransferSyntaxUID
        if not syntax.is_compressed:
            raise
        raise FileFormatError(
            f"Got {file}, whose pixels are compressed as {syntax.name} and cannot be decoded; "
            "expected an uncompressed file, or an installed decoder. For JPEG 2000: pip install "
            "pylibjpeg pylibjpeg-openjpeg; for other JPEG: pip install pylibjpeg "
            "pylibjpeg-libjpeg. If the decoder is installed, the file is damaged: copy it again."
        ) from error


def _padding(stored: NDArray[Any], dataset: Dataset) -> NDArray[np.bool_]:
    """Return a mask that is True at stored values of padding."""
    if stored.dtype.kind == "f":
        names = ("FloatPixelPaddingValue", "FloatPixelPaddingRangeLimit")
        if "DoubleFloatPixelPaddingValue" in dataset:
            names = ("DoubleFloatPixelPaddingValue", "DoubleFloatPixelPaddingRangeLimit")
    else:
        names = ("PixelPaddingValue", "PixelPaddingRangeLimit")
    if dataset.get(names[0]) is None:
        return np.zeros(stored.shape, bool)
    ends = [float(dataset[name].value) for name in names if dataset.get(name) is not None]
    if stored.dtype.kind != "f":
        # Some writers store -2000 as 63536, the same bits.
        ends = [float(np.int64(end).astype(stored.dtype)) for end in ends]
    return np.asarray((stored >= min(ends)) & (stored <= max(ends)))


def _calibrated(
    file: Path, stored: NDArray[Any], header: Dataset, warnings: list[str]
) -> NDArray[Any]:
    slope, intercept = (
        float(header.get(name, default))
        for name, default in (("RescaleSlope", 1), ("RescaleIntercept", 0))
    )
    if not np.isfinite([slope, intercept]).all() or slope == 0:
        raise InputError(
            f"Got {file} with a rescale slope of 0 or a slope or intercept that is not finite; "
            "expected finite numbers and a slope other than 0. Correct the header of the file."
        )
    dark = header.get("PhotometricInterpretation") == _GREY[0]
    if (slope, intercept) != (1, 0):
        if dark:
            warnings.append(
                "Large values are dark in this file (MONOCHROME1); they are kept, because they are "
                "calibrated."
            )
        return np.asarray(stored * np.float64(slope) + intercept, dtype=np.float32)
    if dark and stored.dtype.kind in "iu":
        warnings.append("Large values are dark in this file (MONOCHROME1); they are inverted.")
        return _inverted(stored, int(header.BitsStored))
    return stored


def _inverted(stored: NDArray[Any], bits: int) -> NDArray[Any]:
    """Return values with dark and bright exchanged: the largest becomes the smallest."""
    # The smallest and the largest signed number have the sum -1.
    total = -1 if stored.dtype.kind == "i" else 2**bits - 1
    limits = np.iinfo(stored.dtype)
    inverted = np.clip(total - stored.astype(np.int64), limits.min, limits.max)
    return np.asarray(inverted.astype(stored.dtype))
