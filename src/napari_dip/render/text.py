"""Summary of a run in plain sentences."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from napari_dip.core.report.warnings import DISAGREEMENT

if TYPE_CHECKING:
    from napari_dip.core.records import NoiseRecord, Report

# Words for each stop reason, to follow "Stopped at 840 of 1000: ".
REASONS = {
    "held_out_minimum": "the held-out error stopped decreasing",
    "variance_minimum": "the output began to follow the noise",
    "risk_minimum": "the estimated error stopped decreasing",
    "discrepancy": "the residual reached the noise level",
    "fewest_blocks": "the compression blocks were least visible",
    "max_iterations": "all iterations are done",
    "time_limit": "the time limit was reached",
    "stop_requested": "you stopped it",
    "constant_image": "nothing to fit: all planes and regions are constant",
    "no_noise": "nothing to remove: the image has hardly any noise",
    "good_start": "the first answer predicts the held-out frequencies well",
}


def duration(seconds: float) -> str:
    """Return a duration in its two largest units.

    Examples
    --------
    >>> duration(61)
    '1 min 1 s'
    """
    total = round(seconds)
    if total < 60:
        return f"{total} s"
    if total < 3600:
        return f"{total // 60} min {total % 60} s"
    return f"{total // 3600} h {total % 3600 // 60} min"


def at_most(seconds: float) -> str:
    """Return an upper limit of a duration in one unit, rounded up.

    Examples
    --------
    >>> at_most(40.2), at_most(61), at_most(7300)
    ('41 s', '2 min', '3 h')
    """
    seconds = round(seconds, 3)  # no second more for a rounding error
    if seconds > 3600:
        return f"{ceil(seconds / 3600)} h"
    return f"{ceil(seconds / 60)} min" if seconds > 60 else f"{ceil(seconds)} s"


def summary(report: Report) -> str:
    """Return duration, stop reason, selected iteration, noise and warnings of a run.

    Parameters
    ----------
    report : Report
        Report of the run.

    Returns
    -------
    str
        A line of a few sentences, then one line per warning.
    """
    warnings = [f"Warning: {warning}" for warning in report.warnings]
    return "\n".join([outcome(report), *warnings])


def outcome(report: Report) -> str:
    """Return duration, stop reason, selected iteration and noise of a run, in a line."""
    sentences = [f"Done in {duration(report.seconds)}. {_end(report)}.", _kept(report)]
    if report.blocks_left:
        sentences.append(f"Parts not restored, kept as observed: {report.blocks_left}.")
    sentences.append(_noise(report.noise))
    return " ".join(filter(None, sentences))


def _end(report: Report) -> str:
    reason = REASONS.get(report.stop_reason, report.stop_reason.replace("_", " "))
    counts = sorted({record.iterations for record in report.blocks})
    if not counts:
        return reason.capitalize()
    stopped = f"{counts[0]} to {counts[-1]}" if len(counts) > 1 else f"{counts[0]}"
    limit = report.config.max_iterations
    if limit == 0:
        return "The first answer, without a fit, is kept"
    earlier = max(record.continued for record in report.blocks)
    total = "" if limit is None else f" of {earlier + limit}"
    return f"Stopped at {stopped}{total}: {reason}{_agreement(report)}"


def _agreement(report: Report) -> str:
    agreement = report.diagnostics.get("stopping_agreement")
    if agreement is None:
        return ""
    return "; both rules agree" if agreement >= DISAGREEMENT else "; the other rule disagrees"


def _kept(report: Report) -> str:
    chosen = sum(record.selected_by == "user" for record in report.blocks)
    if len(report.blocks) == 1:
        if report.config.max_iterations == 0:
            return ""
        choice = ", your choice" if chosen else ""
        number = report.selected_iteration
        kept = f"Iteration {number}" if number else "The first answer"
        return f"{kept} is kept{choice}."
    return f"You chose the iteration of {chosen} of {len(report.blocks)} parts." if chosen else ""


def _noise(noise: NoiseRecord) -> str:
    if not noise.sigma > 0:
        return ""
    impulses = f", and {noise.impulses:.2%} dead or hot pixels" if noise.impulses else ""
    return f"Noise found: standard deviation {noise.sigma:.3g}{impulses}."
