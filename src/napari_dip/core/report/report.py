"""Report: collect what was done to an image at the end of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from statistics import median
from typing import TYPE_CHECKING, Any

from napari_dip.core.hardware.versions import versions
from napari_dip.core.records import (
    BlockRecord,
    ConstantRecord,
    InputRecord,
    NoiseRecord,
    Report,
    TilingRecord,
)
from napari_dip.core.report.provenance import recorded, sha256_of_pixels
from napari_dip.core.report.warnings import of_constants, of_files, of_fit, of_noiseless, of_tiles
from napari_dip.core.stopping.rules import StopReason

if TYPE_CHECKING:
    from napari_dip.config import DipConfig
    from napari_dip.core.blocks.plan import Block
    from napari_dip.core.fitting.result import Fit
    from napari_dip.core.fitting.tune import Trial
    from napari_dip.core.hardware.device import Runtime
    from napari_dip.core.image.image import Image
    from napari_dip.core.tasks import Task


def make_report(
    *,
    image: Image,
    task: Task,
    config: DipConfig,
    runtime: Runtime,
    threads: int,
    fits: Sequence[tuple[Block, Sequence[Fit]]],
    blocks_left: int,
    noise: tuple[NoiseRecord, ...],
    seconds: float,
    invalid_pixels: int,
    quality: Mapping[str, float | int | None],
    trials: Sequence[Trial] = (),
    tiling: TilingRecord | None = None,
    constant: ConstantRecord | None = None,
    returns_noiseless: bool = False,
    warnings: Sequence[str] = (),
) -> Report:
    """Put together what is known at the end of a run.

    Parameters
    ----------
    image : Image
        What was given.
    task : Task
        The inverse problem.
    config : DipConfig
        Complete.
    runtime : Runtime
        Device and precision.
    threads : int
        Of the CPU.
    fits : sequence of (block, fits)
        Every block that was fitted, with one fit for each run.
    blocks_left : int
        Not reached before the run was stopped.
    noise : tuple of NoiseRecord
        One for each channel.
    seconds : float
        Of the whole run.
    invalid_pixels : int
        Missing pixels, which the result fills.
    quality : mapping
        psnr, ssim, best_psnr and best_iteration, if a reference was given.
    trials : sequence of Trial
        What was tried to choose width and learning rate.
    tiling : TilingRecord, optional
        How planes or volumes were cut.
    constant : ConstantRecord, optional
        Planes and regions that were not fitted.
    returns_noiseless : bool
        Channels with negligible noise came back as they are, without a fit.
    warnings : sequence of str
        Warnings of the run, such as lack of memory.
    """
    from napari_dip.core.hardware.memory import peak_memory  # torch, only when something ran

    records = tuple(_block_record(block.index, outcomes) for block, outcomes in fits)
    everything = [outcome for _, outcomes in fits for outcome in outcomes]
    diagnostics = {
        "residual_whiteness": _median([outcome.residual_whiteness for outcome in everything]),
        "stopping_agreement": _median([outcome.stopping_agreement for outcome in everything]),
        "posterior_scale": _median([outcome.posterior_scale for outcome in everything]),
        **_findings(everything),
        **({"trials": [asdict(trial) for trial in trials]} if trials else {}),
    }
    return Report(
        schema=1,
        task=task.name,
        task_options=_task_options(task),
        input=_input_record(image, invalid_pixels),
        config=config,
        seed=config.seed,
        device=str(runtime.device),
        precision=runtime.precision,
        threads=threads,
        parameters=everything[0].parameters if everything else 0,
        weights_sha256=everything[0].weights_sha256 if everything else None,
        blocks=records,
        blocks_left=blocks_left,
        tiling=tiling,
        constant=constant,
        iterations=sum(outcome.iterations for outcome in everything),
        selected_iteration=records[0].selected_iteration if records else 0,
        stop_reason=records[-1 if _was_stopped(records) else 0].stop_reason
        if records
        else _reason_without_fits(noise, returns_noiseless),
        seconds=seconds,
        seconds_per_iteration=median(
            [outcome.seconds_per_iteration for outcome in everything] or [0.0]
        ),
        peak_memory_bytes=peak_memory(runtime.device),
        noise=noise[0],
        noise_by_channel=noise,
        diagnostics=diagnostics,
        warnings=(
            *of_files(image, task),
            *warnings,
            *task.remarks(image),
            *(of_noiseless(noise, fitted=bool(records)) if returns_noiseless else ()),
            *of_fit(task, config, noise, diagnostics, [one.stop_reason for one in records]),
            *of_tiles(tiling),
            *of_constants(constant),
        ),
        versions=versions(),
        **quality,
    )


def _task_options(task: Task) -> dict[str, Any]:
    return {field.name: recorded(getattr(task, field.name)) for field in fields(task)}


def _reason_without_fits(noise: Sequence[NoiseRecord], returns_noiseless: bool) -> str:
    negligible = returns_noiseless and any(record.negligible for record in noise)
    return (StopReason.NO_NOISE if negligible else StopReason.CONSTANT_IMAGE).value


def _was_stopped(records: Sequence[BlockRecord]) -> bool:
    return bool(records) and records[-1].stop_reason == "stop_requested"


def _block_record(index: int, outcomes: Sequence[Fit]) -> BlockRecord:
    first = outcomes[0]
    return BlockRecord(
        index=index,
        iterations=sum(outcome.iterations for outcome in outcomes),
        selected_iteration=first.selected_iteration,
        stop_reason=outcomes[-1].stop_reason.value,
        seconds=sum(outcome.seconds for outcome in outcomes),
        rollbacks=sum(outcome.rollbacks for outcome in outcomes),
        warm=first.warm,
        continued=sum(outcome.continued for outcome in outcomes),
    )


def _input_record(image: Image, invalid_pixels: int) -> InputRecord:
    return InputRecord(
        sha256=sha256_of_pixels(image.data),
        shape=image.shape,
        dtype=image.dtype.name,
        axes=image.axes,
        voxel_size=dict(image.voxel_size),
        units=dict(image.units),
        invalid_pixels=invalid_pixels,
    )


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None


def _findings(fits: Sequence[Fit]) -> dict[str, float]:
    """Return the median over all fits of each thing that was found out."""
    names = sorted({name for fit in fits for name in fit.findings})
    return {name: median([fit.findings[name] for fit in fits]) for name in names}
