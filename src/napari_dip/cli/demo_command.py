"""The command demo: restore sample images of several kinds, with figure and numbers.

Functions import torch, tifffile and matplotlib, so that `napari-dip --help` is fast.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from napari_dip.cli.options import Flag
from napari_dip.cli.restore_file import exit_code, restore_image
from napari_dip.cli.terminal import interruption, print_line
from napari_dip.config import DipConfig

if TYPE_CHECKING:
    from napari_dip.compare.run import Row
    from napari_dip.core.tasks import Task
    from napari_dip.samples.noisy import Sample

# A limit for slow machines; together the samples take about a minute.
DEMO = DipConfig(preset="balanced", time_limit=75)
_FOLDER = Path("napari-dip-demo")
_METHOD = "napari-dip"


@dataclass(frozen=True, slots=True)
class _Case:
    """A sample and what to do with it.

    Attributes
    ----------
    kind : str
        Kind of the image and its degradation.
    sample : Sample
        Degraded image and truth.
    task : Task
        Task that restores it.
    rivals : tuple of str
        Names of baselines; the first that is installed is put beside the result.
    files : (Path, Path)
        Files for the degraded image and the result.
    """

    kind: str
    sample: Sample
    task: Task
    rivals: tuple[str, ...]
    files: tuple[Path, Path]


def demo(
    *, output: Annotated[Path | None, Parameter(alias="-o")] = None, overwrite: Flag = False
) -> int:
    """Restore sample images of several kinds, and write figure and numbers; needs no network.

    Parameters
    ----------
    output
        Output folder (default: napari-dip-demo, which is replaced each time).
    overwrite
        Replace existing files of that folder.
    """
    from napari_dip.compare.baselines import missing_baselines
    from napari_dip.io.images import write_image
    from napari_dip.io.results import (
        check_outputs,
        file_identity,
        report_path,
        save_json,
        write_result,
    )
    from napari_dip.render.figure import save_showcase

    folder = output or _FOLDER
    overwrite = overwrite or output is None
    cases = _cases(folder)
    figure, table = folder / "figure.png", folder / "numbers.json"
    reports = [report_path(case.files[1]) for case in cases]
    folder.mkdir(parents=True, exist_ok=True)
    images = [path for case in cases for path in case.files]
    check_outputs(images, [*reports, figure, table], overwrite=overwrite)
    for sentence in missing_baselines("denoise"):
        print_line(sentence)
    first: dict[str, Any] = {}
    numbers: list[dict[str, Any]] = []
    shown: dict[str, list[Row]] = {}
    code = 0
    with interruption() as stop_requested:
        for case in cases:
            observed, restored = case.files
            image = case.sample.image
            write_image(observed, image, overwrite=overwrite, dtype=image.dtype)
            rows, result = _restore(case, stop_requested)
            report = write_result(
                restored,
                result,
                file_identity(observed),
                overwrite=overwrite,
                numbers={"psnr_observation": rows[0].psnr, "output": str(restored)},
            )
            first = first or report
            records = _as_records(case.kind, rows)
            numbers += records
            shown[case.kind] = rows
            print_line(_as_line(records))
            code = exit_code(result, restored)
            if code:
                break
    save_json(table, {"rows": numbers})
    save_showcase(figure, shown)
    print_line(f"figure: {figure}")
    print(json.dumps(first))
    return code


def _cases(folder: Path) -> Sequence[_Case]:
    from napari_dip.core.tasks import Deconvolve, Denoise
    from napari_dip.samples.degraded import WIDEFIELD_BLUR, blurred_fluorescence
    from napari_dip.samples.noisy import cell, fluorescence, tissue

    denoisers = ("BM3D stabilised", "non-local means")
    return (
        _Case(
            "cell, Gaussian noise",
            cell(),
            Denoise(),
            denoisers,
            (folder / "noisy.tif", folder / "restored.ome.tif"),
        ),
        _Case(
            "fluorescence, photon noise",
            fluorescence().plane(1),
            Denoise(),
            denoisers,
            (folder / "fluorescence.tif", folder / "fluorescence_restored.ome.tif"),
        ),
        _Case(
            "stained tissue, Gaussian noise",
            tissue(),
            Denoise(),
            denoisers,
            (folder / "tissue.tif", folder / "tissue_restored.ome.tif"),
        ),
        _Case(
            "fluorescence, blur and photon noise",
            blurred_fluorescence(),
            Deconvolve(sigma=WIDEFIELD_BLUR),
            ("RL total variation",),
            (folder / "blurred.tif", folder / "blurred_restored.ome.tif"),
        ),
    )


def _restore(case: _Case, stop_requested: Callable[[], bool]) -> tuple[list[Row], Any]:
    """Return the rows of observation, result, rival and truth, and the restoration."""
    from napari_dip.compare.baselines import available_baselines
    from napari_dip.compare.run import Row, measured_row, restore_and_measure

    image, truth = case.sample.image, case.sample.reference
    result = restore_image(image, case.task, DEMO, truth, stop_requested)
    rows = [
        measured_row("degraded", image, 0.0, truth),
        measured_row(_METHOD, result.image, result.report.seconds, truth),
    ]
    baselines = {one.name: one for one in available_baselines(case.task.name)}
    rival = next((baselines[name] for name in case.rivals if name in baselines), None)
    if rival is not None and not stop_requested():
        row = restore_and_measure(rival, image, truth, case.task)
        rows.append(replace(row, name=f"{row.name}, by channel") if "S" in image.axes else row)
    return [*rows, Row("truth", truth, 0.0)], result


def _as_records(kind: str, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return image, method, psnr [dB], ssim and seconds of each row but the truth."""
    return [
        {
            "image": kind,
            "method": row.name,
            "psnr": row.psnr,
            "ssim": row.ssim,
            "seconds": row.seconds or None,
        }
        for row in rows
        if row.psnr is not None
    ]


def _as_line(records: Sequence[dict[str, Any]]) -> str:
    parts = [
        f"{one['method']} {one['psnr']:.2f} dB"
        + (f" in {one['seconds']:.1f} s" if one["seconds"] else "")
        for one in records
    ]
    return f"{records[0]['image']}: {', '.join(parts)}"
