"""Voxel size, units and frame interval of TIFF files, read and written back."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

from napari_dip.core.image.image import Image
from napari_dip.core.image.units import in_unit
from napari_dip.io import images as io

MICROMETERS = dict.fromkeys("ZYX", "micrometer")


def imagej(path, axes="ZYX", resolution=(10, 10), **entries):
    """Write an ImageJ stack of 4 planes and read it."""
    tifffile.imwrite(
        path,
        np.zeros((4, 8, 8), np.uint16),
        imagej=True,
        resolution=resolution,
        metadata={"axes": axes, **entries},
    )
    return io.read_image(path)


def raw_imagej(path, text):
    """Write an ImageJ stack of 2 planes with the given description and read it."""
    with tifffile.TiffWriter(path) as file:
        for z in range(2):
            file.write(
                np.zeros((8, 8), np.uint16),
                description=text if z == 0 else None,
                metadata=None,
                contiguous=False,
                resolution=(10, 10),
            )
    return io.read_image(path)


@pytest.mark.parametrize(
    ("entries", "sizes", "units"),
    [
        (
            {"unit": "micron", "yunit": "micron", "zunit": "nm", "spacing": 300.0},
            {"X": 0.1, "Y": 0.1, "Z": 0.3},
            MICROMETERS,
        ),
        (
            {"unit": "nm", "zunit": "um", "spacing": 0.5},
            {"X": 0.1, "Y": 0.1, "Z": 500.0},
            dict.fromkeys("ZYX", "nanometer"),
        ),
        (
            {"unit": "inch", "yunit": "cm", "spacing": -1.0},
            {"X": 0.1, "Y": 0.1 / 2.54, "Z": 1.0},
            dict.fromkeys("ZYX", "inch"),
        ),
        (
            {"unit": "um", "zunit": "steps", "spacing": 2.0},
            {"X": 0.1, "Y": 0.1, "Z": 2.0},
            {"X": "micrometer", "Y": "micrometer", "Z": "steps"},
        ),
        ({"zunit": "nm", "spacing": 300.0}, {"Z": 300.0}, {"Z": "nanometer"}),
        ({"spacing": 3.0}, {"X": 0.1, "Y": 0.1, "Z": 3.0}, dict.fromkeys("ZYX", "pixel")),
        ({"spacing": 0.1}, {}, {}),
        (
            {"unit": "1/nm", "spacing": 0.2},
            {"X": 0.1, "Y": 0.1, "Z": 0.2},
            dict.fromkeys("ZYX", "1/nm"),
        ),
    ],
    ids=lambda value: "-".join(map(str, value.values())) if isinstance(value, dict) else None,
)
def test_reads_each_imagej_spacing_in_its_own_unit(tmp_path, entries, sizes, units):
    image = imagej(tmp_path / "a.tif", **entries)
    assert dict(image.voxel_size) == pytest.approx(sizes)
    assert dict(image.units) == units
    assert image.warnings == ()


@pytest.mark.parametrize(
    ("unit", "name"),
    [
        (b"\xc2\xb5m", "micrometer"),  # micro sign in UTF-8
        (b"\xb5m", "micrometer"),  # micro sign in Latin-1
        (b"\xce\xbcm", "micrometer"),  # Greek mu in UTF-8
        (b"\\u00B5m", "micrometer"),
        (b"micrometers", "micrometer"),
        (b"pm", "picometer"),
        (b"\xc3\x85", "angstrom"),
        (b"1/nm", "1/nm"),
    ],
)
def test_reads_every_spelling_of_an_imagej_unit(tmp_path, unit, name):
    text = b"ImageJ=1.53t\nimages=2\nslices=2\nunit=" + unit + b"\nspacing=0.5\nloop=false\n\0"
    image = raw_imagej(tmp_path / "a.tif", text)
    assert dict(image.voxel_size) == pytest.approx({"X": 0.1, "Y": 0.1, "Z": 0.5})
    assert set(image.units.values()) == {name}


@pytest.mark.parametrize(
    ("entries", "interval", "unit"),
    [
        ({"unit": "micron", "finterval": 2.0, "tunit": "min"}, 120.0, "second"),
        ({"unit": "micron", "finterval": 250.0, "tunit": "msec"}, 0.25, "second"),
        ({"finterval": 0.5, "tunit": "hours"}, 1800.0, "second"),
        ({"finterval": 0.5}, 0.5, "second"),
        ({"Frame Interval": 0.5}, 0.5, "second"),
        ({"finterval": 3.0, "tunit": "cycles"}, 3.0, "cycles"),
    ],
)
def test_reads_the_imagej_frame_interval_in_its_own_unit(tmp_path, entries, interval, unit):
    image = imagej(tmp_path / "a.tif", axes="TYX", **entries)
    assert image.voxel_size["T"] == pytest.approx(interval)
    assert image.units["T"] == unit


@pytest.mark.parametrize("entries", [{"fps": 7.0}, {"finterval": 0.0}, {}])
def test_ignores_animation_speed_as_frame_interval(tmp_path, entries):
    assert "T" not in imagej(tmp_path / "a.tif", axes="TYX", **entries).voxel_size


def test_keeps_sizes_of_axes_that_the_user_names(tmp_path):
    imagej(tmp_path / "a.tif", unit="um", finterval=2.0, spacing=3.0)
    image = io.read_image(tmp_path / "a.tif", "TYX")
    assert dict(image.voxel_size) == pytest.approx({"T": 2.0, "Y": 0.1, "X": 0.1})


@pytest.mark.parametrize(
    ("line", "sizes", "warning"),
    [
        ("spacing=0,5", {"X": 0.1, "Y": 0.1, "Z": 0.5}, "decimal comma; 0.5 is assumed"),
        ("spacing=1,5E-1", {"X": 0.1, "Y": 0.1, "Z": 0.15}, "decimal comma; 0.15 is assumed"),
        ("spacing=half", {"X": 0.1, "Y": 0.1}, "'half', which is not a number"),
        ("spacing=1.234,5", {"X": 0.1, "Y": 0.1}, "'1.234,5', which is not a number"),
    ],
)
def test_warns_of_imagej_value_that_is_no_plain_number(tmp_path, line, sizes, warning):
    text = f"ImageJ=1.52a\nimages=2\nslices=2\nunit=micron\n{line}\nloop=false\n"
    image = raw_imagej(tmp_path / "a.tif", text)
    assert dict(image.voxel_size) == pytest.approx(sizes)
    (found,) = image.warnings
    assert warning in found


def ome(path, axes="ZYX", **entries):
    shape = tuple({"T": 2, "Z": 3}.get(axis, 8) for axis in axes)
    tifffile.imwrite(path, np.zeros(shape, np.uint16), ome=True, metadata={"axes": axes, **entries})
    return io.read_image(path)


@pytest.mark.parametrize(
    ("symbol", "name"),
    [("pm", "picometer"), ("Å", "angstrom"), ("in", "inch"), ("µm", "micrometer")],
)
def test_reads_and_writes_the_symbols_of_ome(tmp_path, symbol, name):
    image = ome(tmp_path / "a.ome.tif", PhysicalSizeX=0.5, PhysicalSizeXUnit=symbol)
    assert (dict(image.voxel_size), dict(image.units)) == ({"X": 0.5}, {"X": name})
    io.write_image(tmp_path / "b.ome.tif", image)
    with tifffile.TiffFile(tmp_path / "b.ome.tif") as file:
        assert f'PhysicalSizeXUnit="{symbol}"' in file.ome_metadata
    assert io.read_image(tmp_path / "b.ome.tif").units == image.units


@pytest.mark.parametrize(
    ("symbol", "name"), [("ms", "millisecond"), ("min", "minute"), ("h", "hour")]
)
def test_reads_and_writes_the_time_units_of_ome(tmp_path, symbol, name):
    image = ome(tmp_path / "a.ome.tif", "TYX", TimeIncrement=2.0, TimeIncrementUnit=symbol)
    assert (dict(image.voxel_size), dict(image.units)) == ({"T": 2.0}, {"T": name})
    io.write_image(tmp_path / "b.ome.tif", image)
    back = io.read_image(tmp_path / "b.ome.tif")
    assert (back.voxel_size, back.units) == (image.voxel_size, image.units)


@pytest.mark.parametrize(
    ("sizes", "units"),
    [
        ({"Z": 0.3, "Y": 0.1, "X": 0.1}, MICROMETERS),
        ({"Z": 0.3, "Y": 0.1, "X": 0.1}, dict.fromkeys("ZYX", "1/nm")),
        ({"Z": 0.3, "Y": 0.1, "X": 0.1}, dict.fromkeys("ZYX", "angstrom")),
        ({"Z": 3.0, "Y": 0.1, "X": 0.1}, {**MICROMETERS, "Z": "steps"}),
        ({"Z": 3.0, "Y": 0.5, "X": 0.5}, dict.fromkeys("ZYX", "pixel")),
        ({"T": 2.0}, {"T": "second"}),
        ({"T": 2.0}, {"T": "cycles"}),
    ],
)
def test_imagej_file_keeps_sizes_in_any_unit(tmp_path, sizes, units):
    axes = "TYX" if "T" in sizes else "ZYX"
    image = Image(np.zeros((2, 8, 8), np.uint8), axes, sizes, units)
    io.write_image(tmp_path / "a.tif", image)
    back = io.read_image(tmp_path / "a.tif")
    assert dict(back.voxel_size) == pytest.approx(sizes)
    assert dict(back.units) == units


@pytest.mark.parametrize(
    ("unit", "per_unit", "sizes"),
    [
        ("CENTIMETER", 5000, {"X": 2.0, "Y": 2.0}),
        ("CENTIMETER", 1, {}),
        ("INCH", 5000, {}),
        ("NONE", 5000, {}),
    ],
)
@pytest.mark.parametrize("imagej", [False, True])
def test_without_metadata_only_centimetres_give_a_voxel_size(
    tmp_path, unit, per_unit, sizes, imagej
):
    tifffile.imwrite(
        tmp_path / "a.tif",
        np.zeros((8, 8), np.uint8),
        imagej=imagej,
        metadata={} if imagej else None,
        resolution=(per_unit, per_unit),
        resolutionunit=unit,
    )
    image = io.read_image(tmp_path / "a.tif")
    found = {
        axis: in_unit(size, image.units[axis], "micrometer")
        for axis, size in image.voxel_size.items()
    }
    assert found == pytest.approx(sizes)


@pytest.mark.parametrize(
    ("unit", "name"),
    [
        ("um", "micrometer"),
        ("\\u00B5m", "micrometer"),
        ("micron", "micrometer"),
        ("nm", "nanometer"),
    ],
)
def test_reads_imagej_units(tmp_path, unit, name):
    tifffile.imwrite(
        tmp_path / "a.tif",
        np.zeros((4, 8, 8), np.uint8),
        imagej=True,
        resolution=(2, 2),
        metadata={"axes": "ZYX", "unit": unit, "spacing": 1.5},
    )
    image = io.read_image(tmp_path / "a.tif")
    assert dict(image.voxel_size) == {"X": 0.5, "Y": 0.5, "Z": 1.5}
    assert set(image.units.values()) == {name}


@pytest.mark.parametrize("size", ["nan", "inf", "-1", "0"])
def test_invalid_voxel_size_is_unknown(tmp_path, size):
    tifffile.imwrite(
        tmp_path / "a.ome.tif", np.zeros((8, 8), np.uint8), ome=True, metadata={"axes": "YX"}
    )
    with tifffile.TiffFile(tmp_path / "a.ome.tif") as file:
        text = file.ome_metadata.replace("<Pixels ", f'<Pixels PhysicalSizeX="{size}" ')
    tifffile.imwrite(
        tmp_path / "b.ome.tif", np.zeros((8, 8), np.uint8), description=text.encode(), metadata=None
    )
    assert dict(io.read_image(tmp_path / "b.ome.tif").voxel_size) == {}
