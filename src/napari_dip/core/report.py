"""Report: what was done to an image, as one JSON object.

The same object is printed by the command line, written beside the output,
kept in the file's description and in `layer.metadata["napari_dip"]`.
"""

# Annotations are read at run time by pydantic.
import platform
from importlib.metadata import version
from typing import Any, Literal

from pydantic import Field

from napari_dip.config import DipConfig, Frozen


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
    """One fit."""

    index: int
    iterations: int
    selected_iteration: int
    stop_reason: str
    seconds: float
    rollbacks: int = 0


class NoiseRecord(Frozen):
    """The noise model that was used, on the image's own scale; one per channel."""

    model: str
    sigma: float
    gain: float | None = None
    read_noise: float | None = None


class Report(Frozen):
    """What was done: input, configuration, fits, noise, quality and versions."""

    report_schema: Literal[1] = Field(1, alias="schema")
    task: str
    input: InputRecord
    config: DipConfig
    seed: int
    device: str
    precision: str
    parameters: int
    blocks: tuple[BlockRecord, ...]
    blocks_left: int = 0
    iterations: int
    selected_iteration: int
    stop_reason: str
    seconds: float
    seconds_per_iteration: float
    peak_memory_bytes: int
    noise: NoiseRecord
    noise_by_channel: tuple[NoiseRecord, ...]
    diagnostics: dict[str, float | None]
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


def versions() -> dict[str, str]:
    """Return the versions of what decides a result."""
    names = ("napari-dip", "torch", "numpy", "scipy", "scikit-image")
    found = {name.replace("-", "_"): version(name) for name in names}
    return {**found, "python": platform.python_version(), "platform": platform.platform()}
