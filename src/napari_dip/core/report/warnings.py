"""Warnings: what a user should look at in a result, in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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

# Below this whiteness a residual is no white noise; where it should be some.
_SMOOTH = 1.1
# From here on seams between tiles may be seen: their gradient over that beside them.
_SEAM = 1.05
# Below this the two rules would keep estimates as different as these are wrong.
DISAGREEMENT = 0.8
# From this share of the pixels on, constant regions are worth a sentence.
_LARGE_REGIONS = 0.05
# Shares of the area in which the observation was mostly restored: worth a sentence, and most.
_SOME, _MUCH = 0.02, 0.5
# So many planes are listed.
_SHOWN = 10


def of_files(image: Image, task: Task) -> tuple[str, ...]:
    """Repeat the warnings of the readers: of the image, and of the mask, PSF or guide by name."""
    given = (getattr(task, field.name) for field in fields(task))
    others = [one for one in given if isinstance(one, Image)]
    return (
        *image.warnings,
        *(f"{one.source}: {warning}" for one in others for warning in one.warnings),
    )


def of_fit(
    task: Task,
    config: DipConfig,
    noise: Sequence[NoiseRecord],
    diagnostics: Mapping[str, Any],
    stop_reasons: Iterable[str],
) -> tuple[str, ...]:
    """Warn of correlated noise, returned structure, a fit cut short, and rules that disagree."""
    whiteness, agreement = diagnostics["residual_whiteness"], diagnostics["stopping_agreement"]
    returned = diagnostics.get("returned_area", 0.0)
    correlations = [one.correlation for one in noise if one.correlation is not None]
    correlation = median(correlations) if correlations else None
    cut_short = any(StopReason(reason).is_limit for reason in stop_reasons)
    found = []
    if task.noisy and correlation is not None and correlation >= CORRELATED:
        consequence = (
            "The fit was stopped by the expected error, computed from the spectrum of the noise."
            if config.stop == "sure"
            else "Leave the stopping rule at auto, or try the preset paper with the rule sure."
        )
        found.append(
            f"The noise of neighbouring pixels is correlated ({correlation:.2f}, white noise has "
            f"0), which held-out pixels cannot separate from structure. {consequence} Compare "
            "the result with the image."
        )
    elif task.noisy and whiteness is not None and whiteness < _SMOOTH and returned < _MUCH:
        cause = (
            "the fit was cut short before it knew all structure. Let it go on for longer."
            if cut_short
            else "the noise is correlated between pixels, or structure was lost. Held-out "
            "pixels cannot separate correlated noise from structure: compare the result with "
            "the image."
        )
        found.append(
            f"The removed part is smooth (residual whiteness {whiteness:.2f}, white noise has "
            f"1.41): {cause}"
        )
    if returned >= _MUCH:
        found.append(
            "The noise is too weak to explain what the fit removed: the observation was mostly "
            f"restored in {returned:.0%} of the image. The result is close to the image there."
        )
    elif returned >= _SOME:
        found.append(
            f"In {returned:.0%} of the image the fit removed more than the noise explains, such "
            "as fine texture. The observation was mostly restored there."
        )
    if agreement is not None and agreement < DISAGREEMENT:
        found.append(
            "Held-out pixels and the variance of the outputs would keep different results "
            f"(agreement {agreement:.2f} of 1); that of the held-out pixels was kept. Compare it "
            "with that of the stopping rule variance."
        )
    return tuple(found)


def of_noiseless(noise: Sequence[NoiseRecord], *, fitted: bool) -> tuple[str, ...]:
    """Report channels that came back unchanged, since their noise is negligible."""
    found = [record.sigma for record in noise if record.negligible]
    if not found:
        return ()
    which = "The image" if len(found) == len(noise) else f"{len(found)} of {len(noise)} channels"
    verb = "has" if len(found) == len(noise) else "have"
    result = (
        "Planes without missing or hot pixels come back unchanged, without a fit."
        if fitted
        else "All pixels come back unchanged, without a fit."
    )
    return (f"{which} {verb} hardly any noise (standard deviation {max(found):.3g}). {result}",)


def of_tiles(tiling: TilingRecord | None) -> list[str]:
    """Warn of tiles that were left out, and of seams."""
    found = []
    if tiling is not None and tiling.skipped:
        found.append(
            f"Tiles without an observed pixel stay as they were: {tiling.skipped}. What is missing "
            f"there is larger than a tile of {tiling.tile} pixels; choose a larger one."
        )
    if tiling is not None and (tiling.seam_ratio or 0) > max(_SEAM, tiling.seam_chance or 0):
        found.append(
            f"Seams between tiles may be seen (gradient {tiling.seam_ratio:.2f} of that beside "
            "them): try a larger tile or overlap."
        )
    return found


def of_constants(constant: ConstantRecord | None) -> list[str]:
    """Report planes that are constant, and a large share of pixels in constant regions."""
    found = []
    if constant is not None and constant.planes and constant.of_planes > 1:
        found.append(
            f"Planes that hold one value only: {len(constant.planes)} of {constant.of_planes} "
            f"({_places(constant.planes)}; counted from 0). They come back as they were and have "
            "no influence on the others."
        )
    if constant is not None and constant.pixels >= _LARGE_REGIONS:
        found.append(
            f"{constant.pixels:.0%} of the pixels lie in large regions of exactly one value, such "
            "as an empty canvas, padding or saturation: they come back as they were and are not "
            "used to measure the noise."
        )
    return found


def _places(planes: Sequence[Mapping[str, int]]) -> str:
    """Return where some planes are, such as "T 3, T 4"."""
    shown = [" ".join(f"{axis} {n}" for axis, n in plane.items()) for plane in planes[:_SHOWN]]
    left = len(planes) - len(shown)
    return ", ".join(shown) + (f" and {left} more" if left else "")
