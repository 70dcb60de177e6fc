"""The command compare: restore an image with napari-dip and with well-known methods."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from napari_dip.cli.options import Files, Options, configure
from napari_dip.cli.restore_file import exit_code, match, restore_image
from napari_dip.cli.task_options import task_spec, with_options_of_all
from napari_dip.cli.terminal import interruption, print_line, print_warnings

_METHOD = "Deep Image Prior"


@with_options_of_all
def compare(
    image: Path,
    /,
    *,
    task: Any = None,
    options: Options | None = None,
    files: Files | None = None,
) -> int:
    """Restore an image with napari-dip and with well-known methods, and compare the results.

    Parameters
    ----------
    image
        Image file: TIFF, OME-Zarr, NIfTI, DICOM, PNG or .npy. The output is a folder
        (default: IMAGE_compare beside it) with one image for each method,
        table.json and figure.png.
    task
        Options of the task.
    options
        Options of the configuration.
    files
        Files to read and write.
    """
    from napari_dip.compare import baselines
    from napari_dip.compare.run import check_comparable, measured_row
    from napari_dip.compare.run import compare as run_baselines
    from napari_dip.io.images import read_image, write_image
    from napari_dip.io.results import check_outputs, default_folder, save_json
    from napari_dip.render.figure import save_comparison

    files = files or Files()
    config = configure(options or Options(), files.config)
    spec = task_spec(task)
    built = spec.build(read_image)
    config = config.complete(built.preset, built.dims)
    observed = read_image(image, axes=config.axes).calibrated(config.voxel_size)
    check_comparable(built, observed)
    reference = None
    if files.reference:
        reference = match(read_image(files.reference, config.axes), observed, files.affine)
        print_warnings(reference)
    folder = files.output or default_folder(image, "compare")
    names = [_METHOD, *(baseline.name for baseline in baselines.available_baselines(spec.name))]
    targets = {name: folder / f"{name.lower().replace(' ', '_')}.ome.tif" for name in names}
    table, figure = folder / "table.json", folder / "figure.png"
    folder.mkdir(parents=True, exist_ok=True)
    check_outputs(
        list(targets.values()),
        [table, figure],
        inputs=[image, *spec.files],
        overwrite=files.overwrite,
    )
    with interruption() as stop_requested:
        result = restore_image(observed, built, config, reference, stop_requested)
    for warning in result.report.warnings:
        print_line(f"warning: {warning}")
    for sentence in baselines.missing_baselines(spec.name):
        print_line(sentence)
    rows = [measured_row(_METHOD, result.image, result.report.seconds, reference)]
    for row in run_baselines(observed, reference, built, config.dims or built.dims):
        print_line(f"{row.name}: {row.seconds:.1f} s")
        rows.append(row)
    for row in rows:
        write_image(targets[row.name], row.image, overwrite=files.overwrite)
    figures = [
        {"method": row.name, "psnr": row.psnr, "ssim": row.ssim, "seconds": row.seconds}
        for row in rows
    ]
    report: dict[str, Any] = {"rows": figures, "report": result.report.as_json()}
    save_json(table, report)
    save_comparison(figure, built.observe(observed), rows, reference)
    print(json.dumps(report) if files.as_json else _as_table(figures))
    return exit_code(result, folder)


def _as_table(rows: list[dict[str, Any]]) -> str:
    lines = [f"{'method':<18}{'psnr':>8}{'ssim':>8}{'seconds':>10}"]
    for row in rows:
        psnr, ssim = (
            "-" if row[name] is None else f"{row[name]:.{digits}f}"
            for name, digits in (("psnr", 2), ("ssim", 3))
        )
        lines.append(f"{row['method']:<18}{psnr:>8}{ssim:>8}{row['seconds']:>10.1f}")
    return "\n".join(lines)
