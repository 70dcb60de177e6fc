"""Ways to give what a task needs, such as the blur: words in the form, and their parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from napari_dip.core.tasks.parameters import default_of, parameters_of

if TYPE_CHECKING:
    from napari_dip.core.tasks import Task

# Label of the list of ways of a task, and the words for each way.
LABELS = {"deconvolve": "Blur known from"}
WORDS = {"optics": "optics", "psf": "PSF or beads", "file": "PSF file", "sigma": "Gaussian"}
# A way of the form alone: a file becomes a layer, and that the PSF.
FILE, FILE_FIELD = "file", "psf"


def ways_of(task: type[Task]) -> dict[str, tuple[str, ...]]:
    """Return the parameters of each way of a task; {} for a task without ways.

    Examples
    --------
    >>> from napari_dip.core.tasks import Deconvolve
    >>> ways_of(Deconvolve)["psf"]
    ('psf',)
    """
    ways: dict[str, tuple[str, ...]] = dict(task.ways)
    if ways:
        named = {name for names in ways.values() for name in names}
        others = tuple(name for name in parameters_of(task) if name not in named)
        first = next(iter(ways))
        ways[first] += others
    return ways


def way_of(task: type[Task], values: Mapping[str, Any]) -> str | None:
    """Return the way that uses given parameters; None if all have their defaults.

    Examples
    --------
    >>> from napari_dip.core.tasks import Deconvolve
    >>> way_of(Deconvolve, {"sigma": 1.5, "refractive_index": 1.33}), way_of(Deconvolve, {})
    ('sigma', None)
    """
    given = {name for name, value in values.items() if value not in (None, default_of(task, name))}
    used = {way: given.intersection(names) for way, names in ways_of(task).items()}
    # The first way has the parameters that others may have as well.
    return next((way for way in reversed(used) if used[way]), None)
