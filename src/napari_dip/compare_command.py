"""`napari-dip compare`: our result beside the baselines', as table, figure and files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from napari_dip.console import say
from napari_dip.errors import InputError
from napari_dip.options import Files, Options, configure
from napari_dip.task_commands import exit_code, match, restore_image

_OURS = "Deep Image Prior"


def compare(image: Path, /, *, options: Options | None = None, files: Files | None = None) -> int:
    """Denoise an image beside total variation, non-local means, wavelets and BM3D.

    Parameters
    ----------
    image
        Image file: TIFF, OME-TIFF, PNG or .npy. The output is a folder
        (default: IMAGE_compare beside it) with one image for each method,
        table.json and figure.png.
    options
        The configuration.
    files
        What is read and written beside the image.
    """
    import numpy as np

    from napari_dip import baselines, io, outputs
    from napari_dip.figure import save_comparison
    from napari_dip.tasks import Denoise

    files = files or Files()
    config = configure(options or Options(), files.config)
    observed = io.read_image(image, axes=config.axes)
    if not np.isfinite(np.asarray(observed.data)).all():
        raise InputError(
            "Got an image with NaN or infinite pixels, which no baseline can handle; expected "
            "all finite. Use napari-dip inpaint."
        )
    reference = None
    if files.reference:
        reference = match(io.read_image(files.reference, config.axes), observed, files.affine)
    folder = files.output or outputs.default_folder(image, "compare")
    names = [_OURS, *baselines.available()]
    targets = {name: folder / f"{name.lower().replace(' ', '_')}.ome.tif" for name in names}
    table, figure = folder / "table.json", folder / "figure.png"
    folder.mkdir(parents=True, exist_ok=True)
    outputs.check_outputs(
        list(targets.values()), [table, figure], inputs=[image], overwrite=files.overwrite
    )
    result = restore_image(observed, Denoise(), config, reference)
    rows = [baselines.judged(_OURS, result.image, result.report.seconds, reference)]
    for row in baselines.compare(observed, reference):
        say(f"{row.name}: {row.seconds:.1f} s")
        rows.append(row)
    for row in rows:
        io.write_image(targets[row.name], row.image, overwrite=files.overwrite)
    figures = [
        {"method": row.name, "psnr": row.psnr, "ssim": row.ssim, "seconds": row.seconds}
        for row in rows
    ]
    report: dict[str, Any] = {"rows": figures, "report": result.report.as_json()}
    outputs.save_json(table, report)
    save_comparison(figure, observed, rows, reference)
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
