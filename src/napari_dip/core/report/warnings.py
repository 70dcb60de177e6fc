"""Warnings: sentences of the report about what a user should check in a result."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from statistics import median
from typing import TYPE_CHECKING, Any

from napari_dip.core.image.image import Image
from napari_dip.core.noise.correlation import CORRELATED
from napari_dip.core.stopping.rules import StopReason

if TYPE_CHECKING:
    from napari_dip.config import DipConfig
    from napari_dip.core.records import ConstantRecord, NoiseRecord, TilingRecord
    from napari_dip.core.tasks import Task

# Whiteness below which a residual is not white noise.
_SMOOTH = 1.1
# Ratio of the gradient at seams to that beside them above which seams may be visible.
_SEAM = 1.05
# Agreement of two rules below which their estimates differ as much as they are wrong.
DISAGREEMENT = 0.8
# Share of the pixels in constant regions from which on they are reported.
_LARGE_REGIONS = 0.05
# Share of the area with the observation blended back from which on it is reported, and from
# which on it counts as most of the image.
_SOME, _MUCH = 0.02, 0.5
# Standard deviation that is none at all, as that of a drawing of two values [units of the image].
_NOTHING = 1e-9
# Largest number of planes in a list.
_SHOWN = 10


def of_files(image: Image, task: Task) -> tuple[str, ...]:
    """Return the readers' warnings about the image, and about mask, PSF or guide by name."""
    parameters = (getattr(task, field.name) for field in fields(task))
    others = [value for value in parameters if isinstance(value, Image)]
    return (
        *image.warnings,
        *(f"{other.source}: {warning}" for other in others for warning in other.warnings),
    )


def of_fit(
    task: Task,
    config: DipConfig,
    noise: Sequence[NoiseRecord],
    diagnostics: Mapping[str, Any],
    stop_reasons: Iterable[str],
) -> tuple[str, ...]:
    """Warn of correlated noise, lost structure, an unfinished fit, and rules that disagree."""
    whiteness, agreement = diagnostics["residual_whiteness"], diagnostics["stopping_agreement"]
    returned = diagnostics.get("returned_area", 0.0)
    correlations = [record.correlation for record in noise if record.correlation is not None]
    correlation = median(correlations) if correlations else None
    # A fit from learned weights knows structure before its first iteration.
    from_random = config.fit is None or not config.fit.is_learned
    unfinished = from_random and any(StopReason(reason).is_limit for reason in stop_reasons)
    warnings = list(_of_interpolation(diagnostics))
    if task.noisy and correlation is not None and correlation >= CORRELATED:
        if not config.max_iterations:
            consequence = "The result is the first answer of weights for such noise."
        elif config.stop == "sure":
            consequence = "The fit was stopped by Stein's unbiased risk estimate instead."
        else:
            consequence = "Use the stopping rule auto, or the preset paper with the rule sure."
        warnings.append(
            f"The noise of neighbouring pixels is correlated ({correlation:.2f}; 0 for white "
            "noise). Held-out pixels cannot separate such noise from structure. "
            f"{consequence} Compare the result with the image."
        )
    elif task.noisy and whiteness is not None and whiteness < _SMOOTH and returned < _MUCH:
        cause = (
            "the fit ended before it had learnt all structure. Allow more iterations."
            if unfinished
            else "the noise is correlated between pixels, or structure was lost. Compare the "
            "result with the image."
        )
        warnings.append(
            f"The residual is smooth (whiteness {whiteness:.2f}; 1.41 for white noise): {cause}"
        )
    if returned >= _MUCH:
        warnings.append(
            f"In {returned:.0%} of the image the fit removed much more than the noise. The "
            "original pixels were mostly kept there, so the result is close to the image."
        )
    elif returned >= _SOME:
        warnings.append(
            f"In {returned:.0%} of the image the fit removed more than the noise, such as fine "
            "texture. The original pixels were mostly kept there."
        )
    if agreement is not None and agreement < DISAGREEMENT:
        warnings.append(
            "The two stopping rules, held-out pixels and variance, select different results "
            f"(agreement {agreement:.2f} of 1). The result of the held-out pixels was kept. "
            "Compare it with a run with the stopping rule variance."
        )
    return tuple(warnings)


def _of_interpolation(diagnostics: Mapping[str, Any]) -> Iterator[str]:
    """Report a cubic interpolation whose correction was not better."""
    if diagnostics.get("corrected", 1.0) > 0:
        return
    over_noise = diagnostics.get("interpolation_error_over_noise")
    if over_noise is None:
        reason = "The planes are too small or too few to learn a correction from."
    elif not diagnostics["structured"]:
        reason = "What it misses is no more than the noise of the planes."
    else:
        reason = (
            "A correction was not better by more than chance in regions of the planes that were "
            f"held out ({diagnostics['correction_gain']:+.2f} dB)."
        )
    yield f"The planes between the planes are a cubic interpolation. {reason}"


def of_stripes(noise: Sequence[NoiseRecord]) -> tuple[str, ...]:
    """Report stripes that were subtracted, and stripes that were left because they end."""
    found = [record.stripes for record in noise if record.stripes is not None]
    if not found:
        return ()
    strongest = max(found, key=lambda record: record.sigma)
    channels = f" in {len(found)} of {len(noise)} channels" if len(found) < len(noise) else ""
    sentence = (
        f"Stripes along {strongest.direction} were subtracted{channels} (standard deviation "
        f"{strongest.sigma:.3g})."
    )
    if strongest.end_within_lines and not strongest.partial:
        sentence += (
            f" Some end within a line and were only weakened; the stripes partial-"
            f"{strongest.direction} remove these too."
        )
    return (f"{sentence} Compare the result with the image.",)


def of_noiseless(noise: Sequence[NoiseRecord], *, fitted: bool) -> tuple[str, ...]:
    """Report channels that come back unchanged because their noise is negligible."""
    sigmas = [record.sigma for record in noise if record.negligible]
    if not sigmas:
        return ()
    in_all = len(sigmas) == len(noise)
    subject = "The image has" if in_all else f"{len(sigmas)} of {len(noise)} channels have"
    result = (
        "Planes without missing or hot pixels come back unchanged, without a fit."
        if fitted
        else "All pixels come back unchanged, without a fit."
    )
    most = max(sigmas)
    level = f" (standard deviation {most:.3g})" if most > _NOTHING else ""
    return (f"{subject} hardly any noise{level}. {result}",)


def of_tiles(tiling: TilingRecord | None) -> list[str]:
    """Warn of tiles without a fit, and of visible seams."""
    warnings = []
    if tiling is not None and tiling.skipped:
        warnings.append(
            f"{tiling.skipped} tiles have no observed pixel and stay as they were: the missing "
            f"region is larger than a tile of {tiling.tile} pixels. Choose larger tiles."
        )
    if tiling is not None and (tiling.seam_ratio or 0) > max(_SEAM, tiling.seam_chance or 0):
        warnings.append(
            f"Seams between tiles may be visible (gradient {tiling.seam_ratio:.2f} times that "
            "beside them). Try larger tiles or a larger overlap."
        )
    return warnings


def of_constants(constant: ConstantRecord | None) -> list[str]:
    """Report constant planes, and a large share of pixels in constant regions."""
    warnings = []
    if constant is not None and constant.planes and constant.of_planes > 1:
        warnings.append(
            f"Planes with one value only: {len(constant.planes)} of {constant.of_planes} "
            f"({_places(constant.planes)}; counted from 0). They come back unchanged and do not "
            "influence the other planes."
        )
    if constant is not None and constant.pixels >= _LARGE_REGIONS:
        warnings.append(
            f"{constant.pixels:.0%} of the pixels lie in large regions of exactly one value, such "
            "as an empty canvas, padding or saturation. They come back unchanged, and the noise "
            "is measured without them."
        )
    return warnings


def _places(planes: Sequence[Mapping[str, int]]) -> str:
    """Return the positions of the first planes, such as "T 3, T 4"."""
    shown = [" ".join(f"{axis} {n}" for axis, n in plane.items()) for plane in planes[:_SHOWN]]
    others = len(planes) - len(shown)
    return ", ".join(shown) + (f" and {others} more" if others else "")
