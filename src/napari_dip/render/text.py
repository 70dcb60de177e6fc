"""Summary: what a run came to, in plain words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_dip.core.report.warnings import DISAGREEMENT

if TYPE_CHECKING:
    from napari_dip.core.records import NoiseRecord, Report

# After "Stopped at 840 of 1000: ".
REASONS = {
    "held_out_minimum": "the error at pixels hidden from the fit no longer fell",
    "variance_minimum": "the outputs had begun to follow the noise",
    "risk_minimum": "the error to be expected no longer fell",
    "discrepancy": "what was left over was as large as the noise",
    "fewest_blocks": "the fewest blocks of the compression showed",
    "max_iterations": "all iterations were done",
    "time_limit": "the time was up",
    "stop_requested": "you stopped it",
    "constant_image": "nothing to fit, all planes and regions are constant",
    "no_noise": "nothing to remove, the image has hardly any noise",
}


def duration(seconds: float) -> str:
    """Return a time in its two largest units."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def summary(report: Report) -> str:
    """Say what was done, why it ended and what is kept.

    Returns
    -------
    str
        A few sentences; warnings are lines of their own.
    """
    sentences = [f"Done in {duration(report.seconds)}. {_end(report)}.", _kept(report)]
    if report.blocks_left:
        sentences.append(f"Parts not reached, left as they were: {report.blocks_left}.")
    sentences.append(_noise(report.noise))
    warnings = [f"Warning: {warning}" for warning in report.warnings]
    return "\n".join([" ".join(filter(None, sentences)), *warnings])


def _end(report: Report) -> str:
    reason = REASONS.get(report.stop_reason, report.stop_reason.replace("_", " "))
    counts = sorted({record.iterations for record in report.blocks})
    if not counts:
        return reason.capitalize()
    stopped = f"{counts[0]} to {counts[-1]}" if len(counts) > 1 else f"{counts[0]}"
    limit = report.config.max_iterations
    earlier = max(record.continued for record in report.blocks)
    of = "" if limit is None else f" of {earlier + limit}"
    return f"Stopped at {stopped}{of}: {reason}{_agreement(report)}"


def _agreement(report: Report) -> str:
    agreement = report.diagnostics.get("stopping_agreement")
    if agreement is None:
        return ""
    return "; both rules agree" if agreement >= DISAGREEMENT else "; the other rule disagrees"


def _kept(report: Report) -> str:
    mine = [record for record in report.blocks if record.selected_by == "user"]
    if len(report.blocks) == 1:
        whose = ", your choice" if mine else ""
        return f"Iteration {report.selected_iteration} is kept{whose}."
    return f"Of {len(report.blocks)} parts you chose {len(mine)} yourself." if mine else ""


def _noise(noise: NoiseRecord) -> str:
    if not noise.sigma > 0:
        return ""
    impulses = f", and {noise.impulses:.2%} dead or hot pixels" if noise.impulses else ""
    return f"Noise found: standard deviation {noise.sigma:.3g}{impulses}."
