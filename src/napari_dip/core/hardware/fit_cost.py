"""What a fit takes, told beforehand: memory, and time from the pace of another fit. No torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_dip.config import FitConfig

# Of each pixel of the estimate, for each channel of a tensor that a network makes of it and
# keeps, in float32, and for each picture of one channel that a fit keeps [bytes]. Measured
# with all presets, one channel and three (docs/performance.md).
_BYTES_OF_CHANNEL, _BYTES_OF_PICTURE = 15, 75
# Work that goes with the channels and not with their square, as if a network were so much wider.
_PLAIN = 16


def fit_memory(settings: FitConfig, pixels: int, channels: int = 3) -> int:
    """Return about how much memory a fit takes in float32, in proportion to its pixels.

    Parameters
    ----------
    settings : FitConfig
        The network.
    pixels, channels : int
        Of the estimate.

    Examples
    --------
    >>> from napari_dip.config import preset_of
    >>> round(fit_memory(preset_of("fast"), 1024**2, channels=1) / 1e6), "megabytes"
    (627, 'megabytes')
    """
    network = settings.network
    widths = network.channels
    below = widths if network.tapered else (*widths[1:], widths[-1])
    # On the way up skip, what comes from below, and two convolutions; on the way down two,
    # at half of the resolution. Each scale has a quarter of the pixels of the one above.
    kept = [
        (skip + deep + 2.5 * width) / 4**scale
        for scale, (width, skip, deep) in enumerate(zip(widths, network.skips, below, strict=True))
    ]
    of_network = _BYTES_OF_CHANNEL * sum(kept) / network.pixel_shuffle**2
    return int((of_network + _BYTES_OF_PICTURE * (1 + channels)) * pixels)


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
