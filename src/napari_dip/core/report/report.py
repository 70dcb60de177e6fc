"""Report: assemble the report at the end of a run."""

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
from napari_dip.core.report.warnings import (
    of_constants,
    of_files,
    of_fit,
    of_noiseless,
    of_stripes,
    of_tiles,
)
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
    """Assemble the report of a run.

    Parameters
    ----------
    image : Image
        Given image.
    task : Task
        The inverse problem.
    config : DipConfig
        Complete configuration.
    runtime : Runtime
        Device and precision.
    threads : int
        Number of CPU threads.
    fits : sequence of (Block, sequence of Fit)
        Fitted blocks, with one fit for each run.
    blocks_left : int
        Number of blocks that were not reached before the run was stopped.
    noise : tuple of NoiseRecord
        Noise of each channel.
    seconds : float
        Time of the run, without pauses [seconds].
    invalid_pixels : int
        Number of missing pixels, which the result fills.
    quality : mapping
        psnr, ssim, best_psnr and best_iteration; empty without a reference.
    trials : sequence of Trial
        Trials for the choice of width and learning rate.
    tiling : TilingRecord, optional
        Tiles of planes or volumes; None if these were fitted whole.
    constant : ConstantRecord, optional
        Planes and regions that were not fitted.
    returns_noiseless : bool
        Whether channels with negligible noise come back unchanged, without a fit.
    warnings : sequence of str
        Warnings during the run, such as lack of memory.
    """
    # It imports torch, which a program that only reads reports does not need.
    from napari_dip.core.hardware.memory import peak_memory

    records = tuple(_block_record(block.index, runs) for block, runs in fits)
    all_fits = [fit for _, runs in fits for fit in runs]
    diagnostics = {
        "residual_whiteness": _median([fit.residual_whiteness for fit in all_fits]),
        "stopping_agreement": _median([fit.stopping_agreement for fit in all_fits]),
        "posterior_scale": _median([fit.posterior_scale for fit in all_fits]),
        **_findings(all_fits),
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
        parameters=all_fits[0].parameters if all_fits else 0,
        weights_sha256=all_fits[0].weights_sha256 if all_fits else None,
        blocks=records,
        blocks_left=blocks_left,
        tiling=tiling,
        constant=constant,
        iterations=sum(fit.iterations for fit in all_fits),
        selected_iteration=records[0].selected_iteration if records else 0,
        stop_reason=_stop_reason(records)
        if records
        else _reason_without_fits(noise, returns_noiseless),
        seconds=seconds,
        seconds_per_iteration=median([fit.seconds_per_iteration for fit in all_fits] or [0.0]),
        peak_memory_bytes=peak_memory(runtime.device),
        noise=noise[0],
        noise_by_channel=noise,
        diagnostics=diagnostics,
        warnings=(
            *of_files(image, task),
            *warnings,
            *task.remarks(image),
            *of_stripes(noise),
            *(of_noiseless(noise, fitted=bool(records)) if returns_noiseless else ()),
            *of_fit(task, config, noise, diagnostics, [record.stop_reason for record in records]),
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


def _stop_reason(records: Sequence[BlockRecord]) -> str:
    """Return the request of the user if a block has one, else the reason of the first block."""
    stopped = StopReason.STOP_REQUESTED.value
    reasons = [record.stop_reason for record in records]
    return stopped if stopped in reasons else reasons[0]


def _block_record(index: int, runs: Sequence[Fit]) -> BlockRecord:
    first = runs[0]
    return BlockRecord(
        index=index,
        iterations=sum(fit.iterations for fit in runs),
        selected_iteration=first.selected_iteration,
        stop_reason=runs[-1].stop_reason.value,
        seconds=sum(fit.seconds for fit in runs),
        rollbacks=sum(fit.rollbacks for fit in runs),
        warm=first.warm,
        learned=first.learned,
        continued=sum(fit.continued for fit in runs),
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
    """Return the median of each diagnostic over the fits that have it."""
    names = sorted({name for fit in fits for name in fit.findings})
    return {
        name: median([fit.findings[name] for fit in fits if name in fit.findings]) for name in names
    }
