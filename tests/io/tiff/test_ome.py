"""OME-XML: damage, companion files, sets of files and missing pixels."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

from napari_dip.errors import FileFormatError, InputError
from napari_dip.io import images as io
from tests.bad import assert_refused

HEAD = '<?xml version="1.0" encoding="UTF-8"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"'
PIXELS = np.random.default_rng(0).integers(0, 60000, (2, 12, 10), dtype=np.uint16)


def described(path, text):
    """Write two planes with the given description."""
    with tifffile.TiffWriter(path) as file:
        for n, plane in enumerate(PIXELS):
            file.write(
                plane,
                description=text.encode() if n == 0 else None,
                metadata=None,
                contiguous=False,
            )
    return path


def xml_of(names=("DAPI", "GFP"), sizes="", data="<TiffData/>", size_t=1, root=""):
    channels = "".join(f'<Channel ID="Channel:0:{n}" Name="{one}"/>' for n, one in enumerate(names))
    return (
        f'{HEAD}{root}><Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYCZT" '
        f'Type="uint16" SizeX="10" SizeY="12" SizeZ="1" SizeC="{len(names)}" SizeT="{size_t}" '
        f"{sizes}>{channels}{data}</Pixels></Image></OME>"
    )


@pytest.mark.parametrize(
    ("name", "end"),
    [
        ("DAPI & Hoechst", ""),
        ("CD4&CD8&amp;CD20", ""),
        ("p < 0.05", ""),
        ("&alpha;-tubulin", ""),
        ("DAPI\x01", ""),
        ("DAPI & Hoechst", "   trailing words"),
    ],
)
def test_repairs_damaged_ome_xml_with_a_warning(tmp_path, name, end):
    text = xml_of((name, "GFP"), 'PhysicalSizeX="0.1" PhysicalSizeY="0.2"') + end
    image = io.read_image(described(tmp_path / "a.ome.tif", text))
    assert image.axes == "CYX"
    np.testing.assert_array_equal(image.data, PIXELS)
    assert dict(image.voxel_size) == {"X": 0.1, "Y": 0.2}
    assert "repaired" in image.warnings[0]


def test_reads_ome_xml_with_trailing_text(tmp_path):
    image = io.read_image(described(tmp_path / "a.ome.tif", xml_of() + "<!-- saved twice -->"))
    assert (image.axes, image.warnings) == ("CYX", ())


@pytest.mark.parametrize("text", ["0,1", "1e-1x", "unknown"])
def test_warns_of_size_that_is_no_plain_number(tmp_path, text):
    path = described(tmp_path / "a.ome.tif", xml_of(sizes=f'PhysicalSizeX="{text}"'))
    image = io.read_image(path)
    assert dict(image.voxel_size) == ({"X": 0.1} if text == "0,1" else {})
    assert f"PhysicalSizeX={text}" in image.warnings[0].replace("'", "")


@pytest.mark.parametrize("cut", [0.5, 0.9])
def test_unreadable_ome_xml_keeps_the_pixels_with_a_warning(tmp_path, cut):
    text = xml_of()
    image = io.read_image(described(tmp_path / "a.ome.tif", text[: int(len(text) * cut)]))
    np.testing.assert_array_equal(image.data, PIXELS)
    assert image.axes == "ZYX"
    assert "cannot be read" in image.warnings[0]


def companion(folder, *, missing=()):
    """Write a set of frames with metadata in a companion file."""
    uuids = [f"urn:uuid:00000000-0000-0000-0000-00000000000{n}" for n in range(3)]
    data = "".join(
        f'<TiffData IFD="0" PlaneCount="1" FirstT="{t}"><UUID FileName="t{t}.ome.tif">{uuids[t]}'
        "</UUID></TiffData>"
        for t in range(2)
    )
    text = xml_of(
        ("GFP",), 'TimeIncrement="2" TimeIncrementUnit="min"', data, 2, f' UUID="{uuids[2]}"'
    )
    (folder / "set.companion.ome").write_text(text)
    for t, plane in enumerate(PIXELS):
        only = (
            f'{HEAD} UUID="{uuids[t]}"><BinaryOnly MetadataFile="set.companion.ome" '
            f'UUID="{uuids[2]}"/></OME>'
        )
        tifffile.imwrite(folder / f"t{t}.ome.tif", plane, description=only, metadata=None)
    for name in missing:
        (folder / name).unlink()
    return folder / "t0.ome.tif"


def test_reads_set_with_companion_file(tmp_path):
    image = io.read_image(companion(tmp_path))
    assert image.axes == "TYX"
    np.testing.assert_array_equal(image.data, PIXELS)
    assert (dict(image.voxel_size), dict(image.units)) == ({"T": 2.0}, {"T": "minute"})


def test_reads_the_set_of_a_companion_file(tmp_path):
    companion(tmp_path)
    image = io.read_image(tmp_path / "set.companion.ome")
    assert image.axes == "TYX"
    np.testing.assert_array_equal(image.data, PIXELS)


def test_rejects_companion_file_without_its_set(tmp_path):
    companion(tmp_path, missing=["t0.ome.tif", "t1.ome.tif"])
    with pytest.raises(FileFormatError, match="are all missing"):
        io.read_image(tmp_path / "set.companion.ome")


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        ("set.companion.ome", "set.companion.ome, which is missing"),
        ("t1.ome.tif", "is incomplete"),
    ],
)
def test_rejects_set_with_a_missing_file(tmp_path, missing, words):
    path = companion(tmp_path, missing=[missing])
    with pytest.raises(FileFormatError, match=words):
        io.read_image(path)


def test_reads_metadata_from_the_master_file_of_a_set(tmp_path):
    uuids = [f"urn:uuid:00000000-0000-0000-0000-00000000000{n}" for n in range(2)]
    data = "".join(
        f'<TiffData IFD="0" PlaneCount="1" FirstC="{c}"><UUID FileName="c{c}.ome.tif">{uuids[c]}'
        "</UUID></TiffData>"
        for c in range(2)
    )
    master = xml_of(data=data, root=f' UUID="{uuids[0]}"')
    stub = (
        f'{HEAD} UUID="{uuids[1]}"><BinaryOnly MetadataFile="c0.ome.tif" UUID="{uuids[0]}"/></OME>'
    )
    for c, text in enumerate((master, stub)):
        tifffile.imwrite(tmp_path / f"c{c}.ome.tif", PIXELS[c], description=text, metadata=None)
    for name in ("c0.ome.tif", "c1.ome.tif"):
        image = io.read_image(tmp_path / name)
        assert image.axes == "CYX"
        np.testing.assert_array_equal(image.data, PIXELS)


@pytest.mark.parametrize(
    ("data", "size_t"),
    [
        ('<TiffData IFD="0" PlaneCount="1"/><TiffData IFD="1" PlaneCount="1" FirstT="1"/>', 3),
        ('<TiffData IFD="0" PlaneCount="1"/><TiffData IFD="1" PlaneCount="1" FirstT="2"/>', 3),
    ],
    ids=["last", "middle"],
)
def test_rejects_planes_without_pixels(tmp_path, data, size_t):
    path = described(tmp_path / "a.ome.tif", xml_of(("GFP",), data=data, size_t=size_t))
    with pytest.raises(FileFormatError, match="is incomplete"):
        io.read_image(path)


def test_rejects_ome_xml_without_image(tmp_path):
    with pytest.raises(InputError, match="describes no image"):
        io.read_image(described(tmp_path / "a.ome.tif", f"{HEAD}></OME>"))


def test_rejects_xml_entity_bomb(tmp_path):
    lines = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    text = f'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY l0 "l">{lines}]><OME><a>&l9;</a></OME>'
    tifffile.imwrite(tmp_path / "a.ome.tif", PIXELS, description=text.encode(), metadata=None)
    assert_refused(tmp_path / "a.ome.tif")
