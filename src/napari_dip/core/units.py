"""Units: one name for each, whatever a file calls it, and how long those of length are."""

from __future__ import annotations

# What files call a unit, and the name that pint and napari know.
_UNIT_NAMES = {
    "micrometer": ("um", "µm", "μm", "\\u00b5m", "micron", "microns", "micrometre"),
    "nanometer": ("nm", "nanometre"),
    "millimeter": ("mm", "millimetre"),
    "centimeter": ("cm", "centimetre"),
    "meter": ("m", "metre"),
    "angstrom": ("å", "a"),
    "inch": ("in",),
    "pixel": ("px", "pixels"),
    "second": ("s", "sec", "seconds"),
    "millisecond": ("ms", "msec"),
    "microsecond": ("us", "µs", "usec"),
    "minute": ("min", "minutes"),
    "hour": ("h", "hr", "hours"),
}
# Those of length [micrometre].
MICROMETERS = {
    "angstrom": 1e-4,
    "nanometer": 1e-3,
    "micrometer": 1.0,
    "millimeter": 1e3,
    "centimeter": 1e4,
    "inch": 25400.0,
    "meter": 1e6,
}
_OME_UNITS = {"micrometer": "µm", "angstrom": "Å"}


def unit_name(text: str) -> str:
    """Return pint's name of a unit; an unknown one stays as it is."""
    plain = text.strip().strip("\x00").lower()
    for name, aliases in _UNIT_NAMES.items():
        if plain == name or plain in aliases:
            return name
    return plain or "pixel"


def unit_symbol(name: str) -> str:
    """Return the symbol of a unit that OME knows."""
    return _OME_UNITS.get(name, _UNIT_NAMES.get(name, (name,))[0] if name != "pixel" else name)
