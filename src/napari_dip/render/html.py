"""HTML page of a result: summary, figure, settings and report in one file."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from html import escape
from io import BytesIO
from string import Template
from typing import TYPE_CHECKING

from napari_dip.config import DipConfig
from napari_dip.io.atomic import atomic_write
from napari_dip.render.text import summary

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import ArrayLike

    from napari_dip.core.records import Report
    from napari_dip.render.figure import Curve

_PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="generator" content="napari-dip $version">
<title>$title</title>
<style>
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 56em; margin: 2em auto; padding: 0 1em }
img { width: 100%; background: white }
figure { margin: 1em 0 }
pre { overflow-x: auto; padding: 0.8em; border: 1px solid #8888; font-size: 14px }
td { vertical-align: top; padding: 0.1em 1em 0.1em 0 }
</style>
</head>
<body>
<h1>$title</h1>
$summary
<figure>
<img src="data:image/png;base64,$figure" alt="Observation, result, residual and curve">
<figcaption>The residual should look like noise, without structure. The dotted line in the curve
marks the iteration that is kept.</figcaption>
</figure>
<h2>Settings</h2>
<table>
$settings
</table>
$recipes
<h2>All details</h2>
<details><summary>The report, as JSON</summary><pre>$report</pre></details>
</body>
</html>
""")


def save_page(
    path: Path,
    report: Report,
    observation: ArrayLike | None,
    restored: ArrayLike,
    curve: Curve | None = None,
    recipes: Mapping[str, str] | None = None,
) -> None:
    """Write an HTML page that needs no other file and no network.

    Parameters
    ----------
    path : Path
        HTML file; an existing file is replaced.
    report : Report
        Report of the run.
    observation : (Y, X) or (Y, X, 3) array_like, optional
        One plane of the observation.
    restored : (Y, X) or (Y, X, 3) array_like
        The same plane of the result.
    curve : Curve, optional
        Loss and errors of the fit by iteration.
    recipes : mapping of str to str, optional
        Code that reproduces the result, by title.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> import numpy as np
    >>> from napari_dip import DipConfig, restore
    >>> from napari_dip.core.restoration.progress import finish
    >>> noisy = np.random.default_rng(0).normal(10, 1, (16, 16))
    >>> result = finish(restore(noisy, config=DipConfig(max_iterations=2, device="cpu")))
    >>> with TemporaryDirectory() as folder:
    ...     page = Path(folder) / "noisy.html"
    ...     save_page(page, result.report, noisy, result.image.data)
    ...     page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    True
    """
    text = _PAGE.substitute(
        version=escape(report.versions.get("napari_dip", "")),
        title=escape(f"{report.task}: {report.input.path or 'an image'}"),
        summary="\n".join(f"<p>{escape(line)}</p>" for line in summary(report).splitlines()),
        figure=_figure(observation, restored, curve),
        settings="\n".join(_settings(report.config)),
        recipes="\n".join(_recipes(report, recipes or {})),
        report=escape(json.dumps(report.as_json(), indent=2)),
    )
    with atomic_write(path) as partial:
        partial.write_text(text, encoding="utf-8")


def _figure(observation: ArrayLike | None, restored: ArrayLike, curve: Curve | None) -> str:
    from napari_dip.render.figure import save_figure  # matplotlib takes a second

    png = BytesIO()
    save_figure(png, observation, restored, curve, columns=2)
    return b64encode(png.getvalue()).decode()


def _settings(config: DipConfig) -> list[str]:
    """Return a table row with name, value and description for each setting except `fit`."""
    values = config.model_dump(mode="json", exclude={"fit"}, exclude_none=True)
    return [
        f"<tr><td>{escape(name)}</td><td>{escape(str(value))}</td>"
        f"<td>{escape(DipConfig.model_fields[name].description or '')}</td></tr>"
        for name, value in values.items()
    ]


def _recipes(report: Report, recipes: Mapping[str, str]) -> list[str]:
    if not recipes:
        return []
    lines = ["<h2>Reproduce this result</h2>"]
    if report.selected_by == "user" or any(
        record.selected_by == "user" for record in report.blocks
    ):
        lines.append(
            "<p>An iteration was chosen by hand; this code gives that of the stopping rule.</p>"
        )
    for title, recipe in recipes.items():
        lines.append(f"<h3>{escape(title)}</h3>\n<pre>{escape(recipe)}</pre>")
    return lines
