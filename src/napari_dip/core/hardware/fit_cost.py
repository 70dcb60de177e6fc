"""Cost of a fit before it runs: memory, and work in proportion to its time (without torch)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_dip.config import FitConfig, NetworkConfig

# Bytes per pixel of the estimate, for each channel of a tensor that the network keeps, and for
# each image of one channel that a fit keeps. Measured in float32 with all presets, for one and
# three channels (docs/performance.md).
_BYTES_OF_CHANNEL, _BYTES_OF_PICTURE = 15, 75
# Tensors of the first width at the same time, if nothing is kept for gradients; measured on a
# plane of 2048 x 2048 pixels.
_KEPT_WITHOUT_GRADIENTS = 12
# Largest number of pixels of a strip, in which a network without gradients is applied to large
# planes (`networks.strips`).
STRIP = 1024**2
# Time of a pass without gradients over that of an iteration with the same number of pixels, and
# number of passes of an estimate with a fit and without one.
_PASS, _PASSES, _PASSES_WITHOUT_FIT = 1 / 3, 3, 2
# Work of groups of similar patches per pixel and channel. Measured on one core, for one and three
# channels.
_PATCHES = 5_000
# Number of adjacent planes whose patches are filtered together (`latents.recorrupted.refinement`);
# each plane is in as many such groups.
GROUPED_PLANES = 3
# Bytes per pixel and channel of a corrected interpolation: copies of the enlarged stack.
_BYTES_OF_CORRECTION = 40
# Coarse pixels of the examples of an iteration that corrects an interpolation.
_EXAMPLES = 8 * 24 * 48
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
    if settings.is_learned:  # whole planes without gradients
        of_network = _KEPT_WITHOUT_GRADIENTS * 4 * widths[0] / network.pixel_shuffle**2
        of_strip = of_network * min(pixels, STRIP)
        return int(of_strip + _BYTES_OF_PICTURE * (1 + channels) * pixels)
    if settings.solver == "axial":  # some copies of the stack, and slices one by one
        return _BYTES_OF_CORRECTION * channels * pixels
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
    if settings.solver == "plug-and-play":
        return _PASS * _work_per_pixel(settings.network) * pixels
    if settings.latent == "recorrupted":
        pixels = min(pixels, settings.window**2)
    if settings.solver == "axial":
        pixels = min(pixels, _EXAMPLES)
    return _work_per_pixel(settings.network) * pixels


def fit_work(
    settings: FitConfig,
    pixels: int,
    channels: int = 1,
    *,
    iterations: int = 0,
    passes: float = 0.0,
) -> float:
    """Return the work of a fit that is left, in the unit of `iteration_work`.

    Parameters
    ----------
    settings : FitConfig
        Settings with the network.
    pixels, channels : int
        Number of pixels and of channels of the estimate. `channels` is 1 by default.
    iterations : int
        Iterations that are done; none by default.
    passes : float
        Passes over all pixels without gradients that are done; none by default.
    """
    of_iterations = (settings.max_iterations - iterations) * iteration_work(settings, pixels)
    if settings.latent != "recorrupted":
        return of_iterations
    every = settings.reveal_every or 1
    of_estimate = _PASSES if settings.max_iterations else _PASSES_WITHOUT_FIT
    estimates, made = settings.max_iterations // every, iterations // every
    # There may be more passes before the first iteration, to find the noise level.
    passes_left = max(of_estimate * (1 + estimates) - passes, of_estimate * (estimates - made))
    groups = 0
    if settings.collaborative_filter:
        passes_left += 2 * settings.neighbours
        groups = GROUPED_PLANES if settings.neighbours else 1
        channels = GROUPED_PLANES if settings.neighbours else channels
    of_patches = groups * _PATCHES * channels * pixels
    return of_iterations + passes_left * _pass_work(settings, pixels) + of_patches


def work_done(settings: FitConfig, pixels: int, *, iterations: int, passes: float) -> float:
    """Return the work that a fit has done, in the unit of `iteration_work`.

    The parameters are those of `fit_work`.
    """
    return iterations * iteration_work(settings, pixels) + passes * _pass_work(settings, pixels)


def _pass_work(settings: FitConfig, pixels: int) -> float:
    return _PASS * _work_per_pixel(settings.network) * pixels


def _work_per_pixel(network: NetworkConfig) -> float:
    scales = zip(
        network.channels, network.skips, network.of_each_scale(network.blocks), strict=True
    )
    per_pixel = [
        # A residual block has two convolutions, in the encoder and in the decoder.
        (2 * blocks if network.name == "residual-unet" else 1)
        * (width + skip)
        * (width + _PLAIN)
        / 4**scale
        for scale, (width, skip, blocks) in enumerate(scales)
    ]
    return float(sum(per_pixel) / network.pixel_shuffle**2)
