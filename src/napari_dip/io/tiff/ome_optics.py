"""Objective, wavelengths and kind of microscope in OME-XML."""

from __future__ import annotations

import math
from xml.etree import ElementTree

from napari_dip.core.image.acquisition import Acquisition, ChannelOptics
from napari_dip.core.image.units import in_unit, unit_name
from napari_dip.errors import FileFormatError
from napari_dip.io.tiff.ome import first_image

# Values of AcquisitionMode with a model of their own.
_MICROSCOPES = {
    "WideField": "widefield",
    "LaserScanningConfocalMicroscopy": "confocal",
    "LaserScanningMicroscopy": "confocal",
    "SlitScanConfocal": "confocal",
    "SpinningDiskConfocal": "spinning-disk",
    "SweptFieldConfocal": "spinning-disk",
    "MultiPhotonMicroscopy": "two-photon",
    "SPIM": "light-sheet",
}
# Refractive index by Immersion, if RefractiveIndex is missing.
_IMMERSION = {"Oil": 1.518, "Water": 1.33, "WaterDipping": 1.33, "Glycerol": 1.47, "Air": 1.0}


def ome_acquisition(xml: str | None) -> Acquisition | None:
    """Return the optics of the first image; None if the OME-XML has none.

    Parameters
    ----------
    xml : str or None
        OME-XML.

    Notes
    -----
    PinholeSize is a length in the plane of the pinhole. It is left out: the magnification
    up to there, which Airy units need, is not in the file.
    """
    if xml is None:
        return None
    root = ElementTree.fromstring(xml)
    try:
        image, pixels = first_image(root)
    except FileFormatError:
        return None
    objective, settings = _objective(root, image)
    channels = tuple(_channel(child) for child in pixels if child.tag.endswith("Channel"))
    found = Acquisition(
        _number(objective, "LensNA"),
        _number(settings, "RefractiveIndex") or _IMMERSION.get(objective.get("Immersion", "")),
        channels if any(channel != ChannelOptics() for channel in channels) else (),
    )
    return None if found == Acquisition() else found


def _objective(
    root: ElementTree.Element, image: ElementTree.Element
) -> tuple[ElementTree.Element, ElementTree.Element]:
    """Return the objective of an image and its settings; empty elements if unknown."""
    none = ElementTree.Element("none")
    objectives = [element for element in root.iter() if element.tag.endswith("}Objective")]
    settings = next((child for child in image if child.tag.endswith("ObjectiveSettings")), none)
    chosen = [one for one in objectives if one.get("ID") == settings.get("ID", "none")]
    if not chosen and len(objectives) == 1:
        chosen = objectives
    return chosen[0] if chosen else none, settings


def _channel(element: ElementTree.Element) -> ChannelOptics:
    return ChannelOptics(
        _wavelength(element, "Emission"),
        _wavelength(element, "Excitation"),
        _MICROSCOPES.get(element.get("AcquisitionMode", "")),
    )


def _wavelength(element: ElementTree.Element, name: str) -> float | None:
    """Return a wavelength [micrometre]; None if it is missing or no light."""
    number = _number(element, f"{name}Wavelength")
    unit = unit_name(element.get(f"{name}WavelengthUnit", "nm"))
    length = None if number is None else in_unit(number, unit, "micrometer")
    return length if length is not None and 0.1 <= length <= 10 else None


def _number(element: ElementTree.Element, name: str) -> float | None:
    """Return a positive attribute; None if it is missing or no such number."""
    try:
        number = float(element.get(name, ""))
    except ValueError:
        return None
    return number if 0 < number < math.inf else None
