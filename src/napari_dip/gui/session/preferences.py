"""What the page of this plugin in napari's Preferences says. No Qt.

napari has such pages since 0.9; before, all is as if nothing had been changed there.
The page itself is declared in `napari.yaml`, with the defaults of the configuration.
"""

from __future__ import annotations

import logging
from typing import Any

from pydantic import ValidationError

from napari_dip.config import PAST_MEMORY, DipConfig

_LOG = logging.getLogger(__name__)
_MEGABYTE = 2**20


def preferred_config() -> DipConfig:
    """Return what the form says at first, and after a reset."""
    page = _page("defaults")
    try:
        return DipConfig() if page is None else DipConfig(preset=page.preset, device=page.device)
    except ValidationError as error:
        _LOG.warning("Preferences are not followed: %s", error)
        return DipConfig()


def past_memory() -> int:
    """Return how much memory the iterates of a run may take together [bytes]."""
    page = _page("window")
    return PAST_MEMORY if page is None else int(page.past_memory) * _MEGABYTE


def _page(name: str) -> Any | None:
    """Return a part of the page, or None where there is no such page."""
    try:
        from napari.settings import get_plugin_settings
    except ImportError:
        return None
    try:
        return getattr(get_plugin_settings("napari-dip"), name, None)
    except (KeyError, ValidationError) as error:
        _LOG.warning("Preferences are not followed: %s", error)
        return None
