"""Values of the plugin's page in the Preferences of napari. No Qt.

napari has such pages since version 0.9; with earlier versions the defaults hold.
`napari.yaml` declares the page, with the defaults of the configuration.
"""

from __future__ import annotations

import logging
from typing import Any

from pydantic import ValidationError

from napari_dip.config import PAST_MEMORY, DipConfig

_LOG = logging.getLogger(__name__)
_MEGABYTE = 2**20


def preferred_config() -> DipConfig:
    """Return the configuration of a new form, and after a reset."""
    page = _page("defaults")
    try:
        return DipConfig() if page is None else DipConfig(preset=page.preset, device=page.device)
    except ValidationError as error:
        _LOG.warning("Preferences are ignored: %s", error)
        return DipConfig()


def history_memory() -> int:
    """Return the memory of the history of a run [bytes]."""
    page = _page("window")
    return PAST_MEMORY if page is None else int(page.past_memory) * _MEGABYTE


def _page(name: str) -> Any | None:
    """Return a section of the page; None if napari has no such page."""
    try:
        from napari.settings import get_plugin_settings
    except ImportError:
        return None
    try:
        return getattr(get_plugin_settings("napari-dip"), name, None)
    except (KeyError, ValidationError) as error:
        _LOG.warning("Preferences are ignored: %s", error)
        return None
