"""OME-XML of a TIFF file: repaired where it is damaged, found where another file holds it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

import tifffile

from napari_dip.errors import FileFormatError

# Ampersands that begin no entity of XML; "&micro;" is one of HTML.
_BARE_AMPERSAND = re.compile(r"&(?!(?:#\d+|#x[0-9A-Fa-f]+|amp|lt|gt|quot|apos);)")
_NOT_IN_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_ATTRIBUTE = re.compile(r'="[^"]*"')
_LONGEST_HEAD = 1000


def usable_xml(path: Path, text: str) -> tuple[str | None, list[str]]:
    """Return OME-XML that can be parsed and names pixels, and warnings.

    Parameters
    ----------
    path : Path
        File that holds the description.
    text : str
        Description of its first page.

    Returns
    -------
    xml : str or None
        None where the description is no OME-XML, or is damaged beyond repair.
    warnings : list of str
        Sentences about what was repaired or lost.

    Raises
    ------
    FileFormatError
        The description refers to a file that is not there.
    """
    if "<OME" not in text[:_LONGEST_HEAD]:
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
            f"Got {path}, whose axes and pixels are described by {partner}, which is not beside "
            "it; expected all files of the set. Copy that file into the folder."
        )
    xml, warnings = _repaired(_description_of(companion))
    return None if xml is None else _without_identity(xml), warnings


def _without_identity(xml: str) -> str:
    """Return the XML of another file, so that tifffile does not take the one at hand for it."""
    root = ElementTree.fromstring(xml)
    root.attrib.pop("UUID", None)
    return ElementTree.tostring(root, encoding="unicode")


def first_of_set(companion: Path) -> Path:
    """Return a TIFF file with pixels that a companion file describes.

    Raises
    ------
    FileFormatError
        None of them is there.
    """
    xml, _ = _repaired(_description_of(companion))
    names = (
        [] if xml is None else [one.get("FileName") for one in ElementTree.fromstring(xml).iter()]
    )
    files = [companion.with_name(Path(name).name) for name in names if name]
    found = next((file for file in files if file.is_file()), None)
    if found is None:
        raise FileFormatError(
            f"Got {companion}, which describes other files of which none is beside it; expected "
            "all files of the set. Copy them into the folder."
        )
    return found


def _description_of(path: Path) -> str:
    """Return the OME-XML of a companion file: the file itself, or a TIFF's description."""
    if path.suffix.lower() in (".tif", ".tiff"):
        with tifffile.TiffFile(path) as file:
            return str(file.pages.first.description)
    return path.read_text(encoding="utf-8", errors="replace")


def _repaired(text: str) -> tuple[str | None, list[str]]:
    end = text.rfind("OME>")
    whole = text if end < 0 else text[: end + len("OME>")]
    try:
        ElementTree.fromstring(whole)
    except ElementTree.ParseError as error:
        cause = str(error)
    else:
        return whole, []
    escaped = _BARE_AMPERSAND.sub("&amp;", _NOT_IN_XML.sub("", whole))
    escaped = _ATTRIBUTE.sub(lambda found: found[0].replace("<", "&lt;"), escaped)
    try:
        ElementTree.fromstring(escaped)
    except ElementTree.ParseError:
        return None, [
            f"The OME-XML cannot be read ({cause}): axes, voxel size and channel names in it are "
            "lost. Check the axes, and name them."
        ]
    return escaped, [f"The OME-XML is damaged ({cause}) and was repaired to be read."]


def _metadata_file(xml: str) -> str | None:
    """Return the name of the file that holds the metadata, if it is another one."""
    for element in ElementTree.fromstring(xml):
        if element.tag.endswith("BinaryOnly"):
            return Path(element.get("MetadataFile", "").replace("\\", "/")).name or "another file"
    return None


def ome_pixels(xml: str) -> ElementTree.Element:
    """Return the element Pixels of the first image that has pixels in a TIFF file.

    Raises
    ------
    FileFormatError
        The XML names none.
    """
    found = [
        pixels
        for image in ElementTree.fromstring(xml)
        if image.tag.endswith("Image")
        for pixels in image
        if pixels.tag.endswith("Pixels")
    ]
    if not found:
        raise FileFormatError(
            "Got OME-XML that describes no image; expected the element Pixels. Save the file again."
        )
    stored = [one for one in found if any(child.tag.endswith("TiffData") for child in one)]
    return (stored or found)[0]


def declared_size(pixels: Mapping[str, str]) -> int:
    """Return how many numbers the attributes of Pixels promise."""
    size = 1
    for axis in "XYZCT":
        size *= int(pixels.get(f"Size{axis}", 1))
    return size
