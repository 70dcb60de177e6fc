"""Objective, wavelengths and kind of microscope in OME-TIFF files."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

from napari_dip.core.image.acquisition import Acquisition, ChannelOptics
from napari_dip.io.headers import read_header
from napari_dip.io.images import read_image
from napari_dip.io.tiff.ome_optics import ome_acquisition

_NAMESPACE = "http://www.openmicroscopy.org/Schemas/OME/2016-06"
GREEN = 'EmissionWavelength="520" ExcitationWavelength="488" AcquisitionMode="{}"'
CONFOCAL = "LaserScanningConfocalMicroscopy"


def ome_xml(objective='LensNA="1.4" Immersion="Oil"', settings="", channels=(GREEN,), shape=None):
    """Return OME-XML of one image; `settings` are attributes of ObjectiveSettings."""
    z, y, x = shape or (3, 12, 10)
    parts = "".join(
        f'<Channel ID="Channel:0:{n}" SamplesPerPixel="1" {text.format(CONFOCAL)}/>'
        for n, text in enumerate(channels)
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><OME xmlns="{_NAMESPACE}">'
        f'<Instrument ID="Instrument:0"><Objective ID="Objective:0" {objective}/></Instrument>'
        f'<Image ID="Image:0"><ObjectiveSettings ID="Objective:0" {settings}/>'
        f'<Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint8" SizeX="{x}" SizeY="{y}" '
        f'SizeZ="{z}" SizeC="{len(channels)}" SizeT="1" PhysicalSizeX="0.1" PhysicalSizeY="0.1" '
        f'PhysicalSizeZ="0.3">{parts}<TiffData/></Pixels></Image></OME>'
    )


def write_ome(path, values, **parts):
    count = len(parts.get("channels", (GREEN,)))
    xml = ome_xml(shape=values.shape[-3:], **parts)
    planes = values.reshape(-1, *values.shape[-2:])
    assert len(planes) == count * values.shape[-3]
    tifffile.imwrite(path, planes, description=xml, metadata=None, photometric="minisblack")
    return path


def test_reads_objective_and_channel(tmp_path):
    path = write_ome(tmp_path / "a.ome.tif", np.zeros((3, 12, 10), np.uint8))
    expected = Acquisition(1.4, 1.518, (ChannelOptics(0.52, 0.488, "confocal"),))
    assert read_image(path).acquisition == expected
    assert read_header(path).acquisition == expected


def test_index_of_the_settings_comes_before_that_of_the_immersion():
    assert ome_acquisition(ome_xml(settings='RefractiveIndex="1.515"')).refractive_index == 1.515


def test_cut_keeps_the_optics_of_its_channels(tmp_path):
    red = GREEN.replace("520", "620")
    values = np.zeros((2, 3, 12, 10), np.uint8)
    image = read_image(write_ome(tmp_path / "a.ome.tif", values, channels=(GREEN, red)))
    at = image.axes.index("C")
    parts = tuple(slice(1, 2) if n == at else slice(None) for n in range(len(image.axes)))
    assert [one.emission for one in image.cut(parts).acquisition.channels] == [0.62]


@pytest.mark.parametrize(
    ("attributes", "emission"),
    [
        ('EmissionWavelength="0.52" EmissionWavelengthUnit="µm"', 0.52),
        ('EmissionWavelength="5200" EmissionWavelengthUnit="Å"', 0.52),
        ('EmissionWavelength="0"', None),
        ('EmissionWavelength="green"', None),
        ('EmissionWavelength="520000"', None),
        ('EmissionWavelength="520" EmissionWavelengthUnit="pixel"', None),
    ],
)
def test_reads_wavelengths_in_their_own_unit(attributes, emission):
    channels = ome_acquisition(ome_xml(channels=(attributes,))).channels
    assert (channels[0].emission if channels else None) == emission


@pytest.mark.parametrize("na", ["-1", "nan", "inf", "", "high"])
def test_invalid_aperture_is_unknown(na):
    assert ome_acquisition(ome_xml(objective=f'LensNA="{na}"')).na is None


def test_file_without_optics_has_none():
    assert ome_acquisition(None) is None
    assert ome_acquisition(ome_xml(objective="", channels=("",))) is None
