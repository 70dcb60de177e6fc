"""Records: the report, one JSON object, and its parts.

The command line prints the same object and writes it beside the output; it is also in the
file's description and in `layer.metadata["napari_dip"]`.
"""

# Annotations are read at run time by pydantic.
from typing import Any, Literal

from pydantic import Field

from napari_dip.config import DipConfig, Frozen

SelectedBy = Literal["rule", "user"]


class InputRecord(Frozen):
    """The given image."""

    path: str | None = None
    sha256: str | None = None
    shape: tuple[int, ...]
    dtype: str
    axes: str
    voxel_size: dict[str, float]
    units: dict[str, str]
    invalid_pixels: int = 0


class BlockRecord(Frozen):
    """The fits of a block.

    `selected_by` is "user" if a user chose another iteration than the rule. `warm` is true if
    the fit started from the weights of its neighbour, `learned` if it started from weights that
    come with the program. `continued` is the number of iterations that an earlier, resumed run
    had made.
    """

    index: int
    iterations: int
    selected_iteration: int
    selected_by: SelectedBy = "rule"
    stop_reason: str
    seconds: float
    rollbacks: int = 0
    warm: bool = False
    learned: bool = False
    continued: int = 0


class StripesRecord(Frozen):
    """Stripes that were subtracted from a channel before the fit.

    `direction` is "rows" or "columns". `sigma` is the standard deviation of the offsets, on the
    image's scale. `partial` is true if the offset could change along a line, and
    `end_within_lines` if stripes were found that end within the lines.
    """

    direction: Literal["rows", "columns"]
    sigma: float
    partial: bool = False
    end_within_lines: bool = False


class NoiseRecord(Frozen):
    """The noise of a channel, on the image's scale.

    `sigma_error` is the standard error of a measured `sigma`. `negligible` is true if the
    noise is too weak for a fit. `weighted` is true if each pixel was weighted by its own
    variance. `correlation` is the correlation of the noise of neighbouring pixels: 0 for white
    noise, null if it could not be measured in flat regions. `impulses` is the share of pixels
    without a signal, such as salt and pepper or hot pixels, which count as missing. `stripes` are
    the stripes that were subtracted; the other figures are those of the noise without them.
    """

    model: str
    sigma: float
    sigma_error: float | None = None
    negligible: bool = False
    gain: float | None = None
    read_noise: float | None = None
    weighted: bool = False
    correlation: float | None = None
    impulses: float = 0.0
    stripes: StripesRecord | None = None


class ConstantRecord(Frozen):
    """Constant pixels, which are not fitted and come back as observed.

    `planes` are the positions of constant planes along the other axes, counted from 0, such as
    {"T": 3}. `of_planes` is the number of all planes. `pixels` is the share of the other
    planes' pixels in large regions of exactly one value, such as the canvas of a mosaic.
    """

    planes: tuple[dict[str, int], ...]
    of_planes: int
    pixels: float


class TilingRecord(Frozen):
    """The tiles of planes or volumes.

    `tile` is the largest side and `overlap` the largest overlap of neighbours, both in pixels
    of the image. `tiles` is the number of tiles, and `skipped` the number of tiles without an
    observed pixel, which stay missing. `seam_ratio` is the mean gradient magnitude across
    seams divided by that beside them, and `seam_chance` its largest value without a seam,
    since the rows of an image differ. Both are null if the run was stopped early.
    """

    tile: int
    overlap: int
    tiles: int
    skipped: int = 0
    seam_ratio: float | None = None
    seam_chance: float | None = None


class Report(Frozen):
    """Input, configuration, fits, noise, quality and versions of a run."""

    report_schema: Literal[1] = Field(1, alias="schema")
    task: str
    task_options: dict[str, Any] = Field(default_factory=dict)
    input: InputRecord
    config: DipConfig
    seed: int
    device: str
    precision: str
    threads: int | None = None
    parameters: int
    weights_sha256: str | None = None
    blocks: tuple[BlockRecord, ...]
    blocks_left: int = 0
    tiling: TilingRecord | None = None
    constant: ConstantRecord | None = None
    iterations: int
    selected_iteration: int
    selected_by: SelectedBy = "rule"
    stop_reason: str
    seconds: float
    seconds_per_iteration: float
    peak_memory_bytes: int
    noise: NoiseRecord
    noise_by_channel: tuple[NoiseRecord, ...]
    diagnostics: dict[str, Any]
    warnings: tuple[str, ...] = ()
    psnr: float | None = None
    ssim: float | None = None
    best_psnr: float | None = None
    best_iteration: int | None = None
    versions: dict[str, str]

    def as_json(self) -> dict[str, Any]:
        """Return the report as plain JSON values, without quality figures that are None."""
        skip = {
            name
            for name in ("psnr", "ssim", "best_psnr", "best_iteration")
            if getattr(self, name) is None
        }
        return self.model_dump(mode="json", by_alias=True, exclude=skip)
