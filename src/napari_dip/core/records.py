"""Records: the parts of a report, and the report itself, as one JSON object.

The same object is printed by the command line, written beside the output,
kept in the file's description and in `layer.metadata["napari_dip"]`.
"""

# Annotations are read at run time by pydantic.
from typing import Any, Literal

from pydantic import Field

from napari_dip.config import DipConfig, Frozen

SelectedBy = Literal["rule", "user"]


class InputRecord(Frozen):
    """The image that was given."""

    path: str | None = None
    sha256: str | None = None
    shape: tuple[int, ...]
    dtype: str
    axes: str
    voxel_size: dict[str, float]
    units: dict[str, str]
    invalid_pixels: int = 0


class BlockRecord(Frozen):
    """One fit.

    `warm` tells whether it began with what the fit of its neighbour had learnt, and
    `continued` how many of the iterations were an earlier run's; `selected_by` tells
    whether a user chose another iteration than the rule.
    """

    index: int
    iterations: int
    selected_iteration: int
    selected_by: SelectedBy = "rule"
    stop_reason: str
    seconds: float
    rollbacks: int = 0
    warm: bool = False
    continued: int = 0


class NoiseRecord(Frozen):
    """The noise of a channel, on the image's own scale.

    `sigma_error` is the standard error of a measured `sigma`, and `negligible` is whether
    it is too small to be worth a fit. `weighted` is whether each
    pixel was weighted by its own variance, `correlation` the correlation of the noise of
    neighbouring pixels (0 for white noise, null where flat regions do not show it), and
    `impulses` the share of pixels that hold nothing but noise, such as salt and pepper or
    hot pixels, and were treated as missing.
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


class ConstantRecord(Frozen):
    """Pixels that were not fitted because they are constant; they come back as observed.

    `planes` are the positions of constant planes along the other axes, counted from 0, such
    as {"T": 3}, `of_planes` is the number of all planes, and `pixels` the share of the other
    planes' pixels that lies in large regions of exactly one value, such as the canvas of a
    mosaic.
    """

    planes: tuple[dict[str, int], ...]
    of_planes: int
    pixels: float


class TilingRecord(Frozen):
    """How planes or volumes were cut.

    `tile` is the largest side, `overlap` what neighbours have in common along the
    axis where that is most, both in pixels of the image, `tiles` how many there were
    in all, and `skipped` how many of them without an observed pixel, which stay
    missing. `seam_ratio` is the mean gradient magnitude across seams over that beside
    them, and `seam_chance` what that may be without a seam, as rows of a picture
    differ; None if the run was stopped before all tiles were there.
    """

    tile: int
    overlap: int
    tiles: int
    skipped: int = 0
    seam_ratio: float | None = None
    seam_chance: float | None = None


class Report(Frozen):
    """What was done: input, configuration, fits, noise, quality and versions."""

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
        """Return the report as plain JSON values, without quality figures that were not asked."""
        skip = {
            name
            for name in ("psnr", "ssim", "best_psnr", "best_iteration")
            if getattr(self, name) is None
        }
        return self.model_dump(mode="json", by_alias=True, exclude=skip)
