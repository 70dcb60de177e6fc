"""What a fit takes, told beforehand: memory, and time from the pace of another fit. No torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_dip.config import FitConfig

# Of each pixel and channel of a network, with those of skips, in float32 [bytes]. Measured:
# 70 to 75 for the three presets, planes and volumes (docs/performance.md).
_BYTES_OF_CHANNEL = 75
# Work that goes with the channels and not with their square, as if a network were so much wider.
_PLAIN = 16


def fit_memory(settings: FitConfig, pixels: int) -> int:
    """Return about how much memory a fit takes, in proportion to the pixels of the estimate.

    Examples
    --------
    >>> from napari_dip.config import preset_of
    >>> round(fit_memory(preset_of("fast"), 1024**2) / 1e6), "megabytes"
    (730, 'megabytes')
    """
    network = settings.network
    # Each scale has a quarter of the pixels of the one above.
    widths = [
        (width + skip) / 4**scale
        for scale, (width, skip) in enumerate(zip(network.channels, network.skips, strict=True))
    ]
    return int(_BYTES_OF_CHANNEL * sum(widths) / network.pixel_shuffle**2 * pixels)


def iteration_work(settings: FitConfig, pixels: int) -> float:
    """Return how much an iteration computes: in proportion to its time, on one machine.

    Each pixel of each scale takes the square of its width, and a share that grows with
    the width alone, for all that is no convolution.

    Examples
    --------
    >>> from napari_dip.config import preset_of
    >>> fast, balanced = (preset_of(name) for name in ("fast", "balanced"))
    >>> iteration_work(fast, 256**2) < iteration_work(balanced, 256**2)
    True
    """
    network = settings.network
    per_pixel = [
        (width + skip) * (width + _PLAIN) / 4**scale
        for scale, (width, skip) in enumerate(zip(network.channels, network.skips, strict=True))
    ]
    return float(sum(per_pixel) / network.pixel_shuffle**2 * pixels)
