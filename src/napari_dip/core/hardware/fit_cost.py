"""Cost of a fit before it runs: memory, and work in proportion to its time (without torch)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_dip.config import FitConfig

# Bytes per pixel of the estimate, for each channel of a tensor that the network keeps, and for
# each image of one channel that a fit keeps. Measured in float32 with all presets, for one and
# three channels (docs/performance.md).
_BYTES_OF_CHANNEL, _BYTES_OF_PICTURE = 15, 75
# Extra width for the work in proportion to the channels instead of their square.
_PLAIN = 16


def fit_memory(settings: FitConfig, pixels: int, channels: int = 3) -> int:
    """Return the approximate memory of a fit in float32 [bytes], proportional to its pixels.

    Parameters
    ----------
    settings : FitConfig
        Settings with the network.
    pixels, channels : int
        Number of pixels and of channels of the estimate. `channels` is 3 by default.

    Examples
    --------
    >>> from napari_dip.config import preset_of
    >>> round(fit_memory(preset_of("fast"), 1024**2, channels=1) / 1e6), "megabytes"
    (627, 'megabytes')
    """
    network = settings.network
    widths = network.channels
    below = widths if network.tapered else (*widths[1:], widths[-1])
    # Tensors of a scale: the skip branch, the upsampled coarser scale and two convolutions of
    # the decoder, and two convolutions of the encoder at half the resolution. Each scale has a
    # quarter of the pixels of the finer one.
    kept = [
        (skip + deep + 2.5 * width) / 4**scale
        for scale, (width, skip, deep) in enumerate(zip(widths, network.skips, below, strict=True))
    ]
    of_network = _BYTES_OF_CHANNEL * sum(kept) / network.pixel_shuffle**2
    return int((of_network + _BYTES_OF_PICTURE * (1 + channels)) * pixels)


def iteration_work(settings: FitConfig, pixels: int) -> float:
    """Return the work of one iteration, proportional to its time on one machine.

    The work per pixel of a scale is the square of its width, plus a part proportional to the
    width for everything except convolutions.

    Parameters
    ----------
    settings : FitConfig
        Settings with the network.
    pixels : int
        Number of pixels of the estimate.

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
