"""Units: normalised names, lengths and durations, and OME symbols."""

from __future__ import annotations

# Names in pint and napari, and their spellings in files, in lower case.
_SPELLINGS = {
    "micrometer": (
        "um", "µm", "μm", "âµm", "î¼m", "\\u00b5m", "\\u03bcm", "&micro;m", "&#181;m",
        "micron", "microns", "micrometre", "mkm",
    ),
    "nanometer": ("nm", "nanometre", "nanom"),
    "picometer": ("pm", "picometre"),
    "femtometer": ("fm", "femtometre"),
    "millimeter": ("mm", "millimetre"),
    "centimeter": ("cm", "centimetre"),
    "decimeter": ("dm", "decimetre"),
    "meter": ("m", "metre"),
    "kilometer": ("km", "kilometre"),
    "angstrom": ("a", "å", "ang", "ångström", "ångstrom", "angström", "\\u00c5", "\\u00e5"),
    "inch": ("in", "inches", '"'),
    "foot": ("ft", "feet"),
    "pixel": ("px", "pixels", "pixel units", "pix", "voxel", "voxels"),
    "second": ("s", "sec", "secs"),
    "millisecond": ("ms", "msec"),
    "microsecond": ("us", "µs", "μs", "usec", "\\u00b5s", "\\u03bcs"),
    "nanosecond": ("ns", "nsec"),
    "minute": ("min", "mins"),
    "hour": ("h", "hr", "hrs"),
    "day": ("d",),
}  # fmt: skip
# OME symbols with another meaning in lower case.
_LARGE = {
    "Mm": "megameter", "Gm": "gigameter", "Tm": "terameter", "Pm": "petameter",
    "Ms": "megasecond", "Gs": "gigasecond", "Ts": "terasecond", "Ps": "petasecond",
}  # fmt: skip
# Lengths [micrometre].
MICROMETERS = {
    "femtometer": 1e-9,
    "picometer": 1e-6,
    "angstrom": 1e-4,
    "nanometer": 1e-3,
    "micrometer": 1.0,
    "millimeter": 1e3,
    "centimeter": 1e4,
    "inch": 25400.0,
    "decimeter": 1e5,
    "foot": 304800.0,
    "meter": 1e6,
    "kilometer": 1e9,
    "megameter": 1e12,
}
# Durations [second].
SECONDS = {
    "nanosecond": 1e-9,
    "microsecond": 1e-6,
    "millisecond": 1e-3,
    "second": 1.0,
    "minute": 60.0,
    "hour": 3600.0,
    "day": 86400.0,
}
# https://www.openmicroscopy.org/Schemas/Documentation/Generated/OME-2016-06/ome.html
_OME_LENGTHS = {
    "femtometer": "fm", "picometer": "pm", "angstrom": "Å", "nanometer": "nm",
    "micrometer": "µm", "millimeter": "mm", "centimeter": "cm", "decimeter": "dm",
    "meter": "m", "kilometer": "km", "megameter": "Mm", "gigameter": "Gm", "terameter": "Tm",
    "petameter": "Pm", "inch": "in", "foot": "ft", "pixel": "pixel",
}  # fmt: skip
_OME_TIMES = {
    "nanosecond": "ns", "microsecond": "µs", "millisecond": "ms", "second": "s",
    "minute": "min", "hour": "h", "day": "d", "megasecond": "Ms", "gigasecond": "Gs",
    "terasecond": "Ts", "petasecond": "Ps",
}  # fmt: skip


def unit_name(text: str) -> str:
    """Return the name of a unit in pint; an unknown unit is unchanged.

    Examples
    --------
    >>> unit_name("µm"), unit_name("Micrometers"), unit_name("Pm"), unit_name("1/nm")
    ('micrometer', 'micrometer', 'petameter', '1/nm')
    """
    given = text.strip().strip("\x00").strip()
    if given in _LARGE:
        return _LARGE[given]
    plain = given.lower().rstrip(".")
    singular = plain.removesuffix("s")
    for name, spellings in _SPELLINGS.items():
        if name in (plain, singular) or plain in spellings or singular in spellings[1:]:
            return name
    return given or "pixel"


def unit_symbol(name: str) -> str | None:
    """Return the OME symbol of a length or duration; None for a unit unknown to OME.

    Examples
    --------
    >>> unit_symbol("micrometer"), unit_symbol("minute"), unit_symbol("1/nm")
    ('µm', 'min', None)
    """
    return _OME_LENGTHS.get(name) or _OME_TIMES.get(name)


def is_length(name: str) -> bool:
    """Return whether a unit is an OME length; a pixel counts as a length."""
    return name in _OME_LENGTHS


def is_duration(name: str) -> bool:
    """Return whether a unit is an OME duration."""
    return name in _OME_TIMES


def in_unit(size: float, unit: str, target: str) -> float | None:
    """Convert a length to another unit; return None if either unit has no known length.

    Examples
    --------
    >>> in_unit(300.0, "nanometer", "micrometer"), in_unit(1.0, "pixel", "micrometer")
    (0.3, None)
    """
    if unit == target:
        return size
    if unit not in MICROMETERS or target not in MICROMETERS:
        return None
    # This order of operations gives 0.3 um for 300 nm, not 0.30000000000000004.
    return size * MICROMETERS[unit] / MICROMETERS[target]
