"""A check that an image fits into the free memory, made before its pixels are read."""

from __future__ import annotations

import psutil

from napari_dip.errors import InputError


def check_memory(needed: int) -> None:
    """Raise an error if an image is larger than the free memory; a forged header may be.

    Parameters
    ----------
    needed : int
        Size of the image [bytes].
    """
    available = psutil.virtual_memory().available
    if needed > available:
        raise InputError(
            f"Got an image of {needed / 1e9:.1f} GB; expected at most the free memory, "
            f"{available / 1e9:.1f} GB. Crop the image or close other programs."
        )
