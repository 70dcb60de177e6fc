"""Units: spellings in files, OME symbols and conversion of lengths."""

from __future__ import annotations

import numpy as np
import pytest

from napari_dip.core.image.image import Image, as_image
from napari_dip.core.image.units import in_unit, is_duration, is_length, unit_name, unit_symbol
from napari_dip.core.restoration.block.source import anisotropy


@pytest.mark.parametrize(
    ("text", "name", "symbol"),
    [
        ("µm", "micrometer", "µm"),
        ("μm", "micrometer", "µm"),
        ("um", "micrometer", "µm"),
        ("\\u00B5m", "micrometer", "µm"),
        ("Micrometers", "micrometer", "µm"),
        ("micron", "micrometer", "µm"),
        ("nanometres", "nanometer", "nm"),
        ("pm", "picometer", "pm"),
        ("Pm", "petameter", "Pm"),
        ("A", "angstrom", "Å"),
        ("Ångström", "angstrom", "Å"),
        ("mm\x00", "millimeter", "mm"),
        ("cm", "centimeter", "cm"),
        ("meters", "meter", "m"),
        ("inches", "inch", "in"),
        ("pixels", "pixel", "pixel"),
        ("", "pixel", "pixel"),
        ("sec.", "second", "s"),
        ("msec", "millisecond", "ms"),
        ("µs", "microsecond", "µs"),
        ("minutes", "minute", "min"),
        ("hours", "hour", "h"),
        ("ns", "nanosecond", "ns"),
        ("1/nm", "1/nm", None),
        ("Furlong", "Furlong", None),
    ],
)
def test_unit_spellings_map_to_one_name_and_ome_symbol(text, name, symbol):
    assert unit_name(text) == name
    assert unit_symbol(name) == symbol


def test_separates_lengths_from_durations():
    assert is_length("meter")
    assert not is_length("minute")
    assert is_duration("minute")
    assert not is_duration("1/nm")


@pytest.mark.parametrize(
    ("size", "unit", "target", "expected"),
    [
        (300.0, "nanometer", "micrometer", 0.3),
        (2.0, "inch", "millimeter", 50.8),
        (3.0, "1/nm", "1/nm", 3.0),
        (3.0, "1/nm", "micrometer", None),
        (3.0, "pixel", "micrometer", None),
    ],
)
def test_converts_lengths_only(size, unit, target, expected):
    assert in_unit(size, unit, target) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("unit_z", "size_z", "expected"),
    [("nanometer", 300.0, 3.0), ("micrometer", 0.3, 3.0), ("pixel", 0.3, 1.0)],
)
def test_anisotropy_converts_both_spacings_to_one_unit(unit_z, size_z, expected):
    units = {"Z": unit_z, "Y": "micrometer", "X": "micrometer"}
    image = Image(np.zeros((2, 4, 4)), "ZYX", {"Z": size_z, "Y": 0.1, "X": 0.1}, units)
    assert anisotropy(image) == pytest.approx(expected)


def test_given_axes_drop_voxel_sizes_of_other_axes():
    file = Image(np.zeros((2, 4, 4)), "ZYX", {"Z": 3.0, "T": 2.0, "X": 0.1}, {"Z": "micrometer"})
    image = as_image(file, "TYX")
    assert dict(image.voxel_size) == {"T": 2.0, "X": 0.1}
    assert dict(image.units) == {}
