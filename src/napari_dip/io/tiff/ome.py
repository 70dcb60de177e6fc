"""OME-XML of TIFF files: repair of small damage, and companion files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

import tifffile

from napari_dip.errors import FileFormatError

# An ampersand that starts no XML entity; "&micro;" is an HTML entity.
_BARE_AMPERSAND = re.compile(r"&(?!(?:#\d+|#x[0-9A-Fa-f]+|amp|lt|gt|quot|apos);)")
_NOT_IN_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_ATTRIBUTE = re.compile(r'="[^"]*"')
# Number of characters in which the root element must start.
_HEAD_LENGTH = 1000


def usable_xml(path: Path, text: str) -> tuple[str | None, list[str]]:
    """Return valid OME-XML of a file or its companion file, and warnings.

    Parameters
    ----------
    path : Path
        TIFF file.
    text : str
        Description of its first page.

    Returns
    -------
    xml : str or None
        OME-XML; None if the description is not OME-XML or cannot be repaired.
    warnings : list of str
        Warnings about repaired or lost metadata.

    Raises
    ------
    FileFormatError
        The companion file is missing.
    """
    if "<OME" not in text[:_HEAD_LENGTH]:
        return None, []
    xml, warnings = _repaired(text)
    if xml is None:
        return None, warnings
    partner = _metadata_file(xml)
    if partner is None:
        return xml, warnings
    companion = path.with_name(partner)
    if not companion.is_file():
        raise FileFormatError(
            f"Got {path}, whose metadata are in {partner}, which is missing; expected all files of "
            "the set in one folder. Copy that file into the folder."
        )
    xml, warnings = _repaired(_description_of(companion))
    return None if xml is None else _without_identity(xml), warnings


def _without_identity(xml: str) -> str:
    """Return XML without its UUID, so that tifffile accepts that of a companion file."""
    root = ElementTree.fromstring(xml)
    root.attrib.pop("UUID", None)
    return ElementTree.tostring(root, encoding="unicode")


def first_of_set(companion: Path) -> Path:
    """Return the first existing TIFF file of the set that a companion file describes.

    Raises
    ------
    FileFormatError
        All files of the set are missing.
    """
    xml, _ = _repaired(_description_of(companion))
    names = (
        []
        if xml is None
        else [element.get("FileName") for element in ElementTree.fromstring(xml).iter()]
    )
    files = [companion.with_name(Path(name).name) for name in names if name]
    first = next((file for file in files if file.is_file()), None)
    if first is None:
        raise FileFormatError(
            f"Got {companion}, which describes TIFF files that are all missing; expected all files "
            "of the set in one folder. Copy them into the folder."
        )
    return first


def _description_of(path: Path) -> str:
    """Return the OME-XML of a companion file, which is an XML file or a TIFF file."""
    if path.suffix.lower() in (".tif", ".tiff"):
        with tifffile.TiffFile(path) as file:
            return str(file.pages.first.description)
    return path.read_text(encoding="utf-8", errors="replace")


def _repaired(text: str) -> tuple[str | None, list[str]]:
    """Return XML with escaped characters and without trailing text, and warnings."""
    end = text.rfind("OME>")
    xml = text if end < 0 else text[: end + len("OME>")]
    try:
        ElementTree.fromstring(xml)
    except ElementTree.ParseError as error:
        cause = str(error)
    else:
        return xml, []
    escaped = _BARE_AMPERSAND.sub("&amp;", _NOT_IN_XML.sub("", xml))
    escaped = _ATTRIBUTE.sub(lambda found: found[0].replace("<", "&lt;"), escaped)
    try:
        ElementTree.fromstring(escaped)
    except ElementTree.ParseError:
        return None, [
            f"The OME-XML cannot be read ({cause}): its axes, voxel size and channel names are "
            "lost. Check the axes, and name them if they are wrong."
        ]
    return escaped, [f"The OME-XML is damaged ({cause}); it is repaired for reading."]


def _metadata_file(xml: str) -> str | None:
    """Return the name of the companion file with the metadata; None if there is no such file."""
    for element in ElementTree.fromstring(xml):
        if element.tag.endswith("BinaryOnly"):
            return Path(element.get("MetadataFile", "").replace("\\", "/")).name or "another file"
    return None


def ome_pixels(xml: str) -> ElementTree.Element:
    """Return the element Pixels of the first image with pixels in a TIFF file.

    Raises
    ------
    FileFormatError
        The XML describes no image.
    """
    _, pixels = first_image(ElementTree.fromstring(xml))
    return pixels


def first_image(root: ElementTree.Element) -> tuple[ElementTree.Element, ElementTree.Element]:
    """Return the elements Image and Pixels of the first image with pixels in a TIFF file.

    Raises
    ------
    FileFormatError
        The XML describes no image.
    """
    candidates = [
        (image, pixels)
        for image in root
        if image.tag.endswith("Image")
        for pixels in image
        if pixels.tag.endswith("Pixels")
    ]
    if not candidates:
        raise FileFormatError(
            "Got OME-XML that describes no image; expected the element Pixels. Save the file again."
        )
    stored = [
        (image, pixels)
        for image, pixels in candidates
        if any(child.tag.endswith("TiffData") for child in pixels)
    ]
    return (stored or candidates)[0]


def declared_size(pixels: Mapping[str, str]) -> int:
    """Return the number of values that the attributes of Pixels declare."""
    size = 1
    for axis in "XYZCT":
        size *= int(pixels.get(f"Size{axis}", 1))
    return size
