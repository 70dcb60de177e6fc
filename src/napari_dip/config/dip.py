"""DipConfig: the settings of a restoration."""

# Annotations are read at run time by pydantic, cyclopts and the form, so
# nothing here is imported under TYPE_CHECKING.
from typing import Any, Literal

from pydantic import Field, field_validator

from napari_dip.config.fit import FitConfig
from napari_dip.config.names import (
    FORMER_STOP,
    MAX_TILE,
    UNCERTAINTY_SAMPLES,
    Channels,
    Frozen,
    Noise,
    Precision,
    Preset,
    Start,
    Stop,
    StripesChoice,
    TaskName,
    VoxelSize,
    WarmStart,
)
from napari_dip.config.presets import AUTO_STOP, preset_of


class DipConfig(Frozen, allow_inf_nan=False):
    """Settings of a restoration, the same for every task and front end.

    `None` means that preset, task or image decide. `complete` fills in the settings of
    preset and task; a report contains the complete configuration.

    Examples
    --------
    >>> config = DipConfig(preset="paper", stop="none")
    >>> config.complete().fit.max_iterations
    3000
    """

    preset: Preset = Field(
        "balanced",
        description="Preset of network and fit: fast, balanced (better, slower), or paper (the "
        "published settings).",
    )
    stop: Stop = Field(
        "auto",
        description="Early stopping rule: error of held-out pixels (heldout), variance of the "
        "outputs (variance), both (auto), residual at the noise level (discrepancy), Stein's "
        "unbiased risk estimate (sure), visible blocks of a JPEG (blocks), or none.",
    )
    max_iterations: int | None = Field(
        None,
        ge=0,
        description="Largest number of iterations of each block; 0 keeps the first answer of a "
        "learned start (default: preset).",
    )
    time_limit: float | None = Field(
        None,
        gt=0,
        description="Longest time of the whole run [seconds]; the best result so far is kept.",
    )
    tune: float | None = Field(
        None,
        gt=0,
        description="Experimental: time for trials [seconds] that choose network width and "
        "learning rate by the error of held-out pixels; no gain in the project's own "
        "measurements; needs Optuna (default: the preset's).",
    )
    runs: int = Field(
        1, ge=1, description="Number of independent runs that are averaged into the result."
    )
    posterior_samples: int | None = Field(
        None,
        ge=2,
        description="Number of iterations after the fit whose standard deviation is the "
        f"uncertainty of the result (default: none, or {UNCERTAINTY_SAMPLES} if the uncertainty "
        "of a single run is requested).",
    )
    noise: Noise = Field(
        "auto",
        description="Noise model; auto measures the noise level and weights all pixels equally.",
    )
    gain: float | None = Field(None, gt=0, description="Gain of the camera [ADU per photon].")
    read_noise: float | None = Field(
        None, ge=0, description="Standard deviation of the read noise of the camera [ADU]."
    )
    sigma_noise: float | None = Field(
        None, gt=0, description="Standard deviation of Gaussian noise, in image units."
    )
    stripes: StripesChoice = Field(
        "auto",
        description="Stripes that are subtracted before the fit: an offset of each row (rows) or "
        "column (columns), searched for (auto), or none. The choices partial-rows and "
        "partial-columns also remove stripes that end within a line, and weaken lines of objects "
        "along them.",
    )
    axes: str | None = Field(
        None, description="Axes of the array, such as TZCYX (default: from the file)."
    )
    voxel_size: VoxelSize | None = Field(
        None,
        description="Voxel size along each axis, such as z=0.3,y=0.1,x=0.1 [micrometre] "
        "(default: from the file).",
    )
    dims: Literal[2, 3] | None = Field(
        None,
        description="Dimensions of one fit: 2 for planes, 3 for volumes (default: planes, unless "
        "the task needs volumes).",
    )
    tile: int | None = Field(
        None,
        ge=16,
        description="Longest side of a tile; neighbouring tiles overlap and are blended [pixels] "
        f"(default: whole planes or volumes if they fit into memory, else up to {MAX_TILE}).",
    )
    overlap: int = Field(32, ge=0, description="Smallest overlap of neighbouring tiles [pixels].")
    start: Start = Field(
        "learned",
        description="Initial weights of the network: trained in advance on images made by code "
        "(learned), for denoising and enlarging planes, for k-space, and with fast for blur, with "
        "the presets fast and balanced, or random.",
    )
    neighbours: bool = Field(
        True,
        description="Whether planes of a stack and frames of a series with a learned start are "
        "restored with the help of their neighbours.",
    )
    strength: float = Field(
        1.0,
        ge=0.25,
        le=4,
        description="How much noise a learned start removes, relative to the noise found: less "
        "keeps more detail, more is smoother.",
    )
    warm_start: WarmStart = Field(
        "auto",
        description="Whether the fit of each plane or frame starts from the network of its "
        "neighbour and takes fewer iterations; auto is on for denoising planes with the "
        "observation as latent. Planes with a learned start do not need it.",
    )
    channels: Channels | None = Field(
        None,
        description="Whether channels are fitted jointly or separately (default: RGB jointly).",
    )
    device: str = Field(
        "auto",
        pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$",
        description="Device of the fit: auto, cpu, cuda[:i] or mps.",
    )
    precision: Precision = Field(
        "auto", description="Number format of the network: auto, float32 or bfloat16."
    )
    threads: int | None = Field(
        None,
        ge=1,
        le=1024,
        description="Number of CPU threads (default: all cores, one for small planes).",
    )
    deterministic: bool = Field(
        False,
        description="Use only operations that give identical results in each run; an error where "
        "the device has none, such as for volumes on CUDA.",
    )
    seed: int = Field(0, ge=0, description="Seed of network weights, latent and held-out pixels.")
    fit: FitConfig | None = Field(None, description="All fit settings (default: the preset's).")

    @field_validator("stop", mode="before")
    @classmethod
    def _accept_old_name(cls, stop: Any) -> Any:
        """Accept the former name of the rule `sure`, which older files and scripts have."""
        return FORMER_STOP.get(stop, stop) if isinstance(stop, str) else stop

    def __eq__(self, other: object) -> bool:
        # By value: a complete configuration equals the same one read from a file.
        return isinstance(other, DipConfig) and dict(self) == dict(other)

    def complete(self, task: TaskName = "denoise", dims: Literal[2, 3] = 2) -> "CompleteConfig":
        """Return a copy in which every choice that a task and its preset make is written out.

        Parameters
        ----------
        task : str
            Name of the presets of the task.
        dims : {2, 3}
            Dimensions of one fit that the task needs; `self.dims` has priority.
        """
        dims = self.dims or dims
        if task == "super-resolve-z" and not self._suits_correction():
            task = "super-resolve"
        fit = self.fit or preset_of(self.preset, task, dims)
        if self.max_iterations is not None:
            fit = fit.model_copy(update={"max_iterations": self.max_iterations})
        stop = AUTO_STOP.get(task, "auto") if self.stop == "auto" else self.stop
        chosen = {"fit": fit, "max_iterations": fit.max_iterations, "dims": dims, "stop": stop}
        return CompleteConfig.model_construct(
            self.model_fields_set | chosen.keys(), **{**dict(self), **chosen}
        )

    def _suits_correction(self) -> bool:
        """Return whether the settings leave the correction of an interpolation possible.

        It has no posterior and no trials, and always decides by held-out regions.
        """
        return (
            self.posterior_samples is None
            and self.tune is None
            and self.stop in ("auto", "heldout", "none")
        )


class CompleteConfig(DipConfig):
    """A configuration in which task and preset leave nothing open; made by `complete`."""

    max_iterations: int
    dims: Literal[2, 3]
    fit: FitConfig
