"""DipConfig: what a user may choose."""

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
    Stop,
    TaskName,
    VoxelSize,
    WarmStart,
)
from napari_dip.config.presets import AUTO_STOP, preset_of


class DipConfig(Frozen, allow_inf_nan=False):
    """What a user may choose; the same for every task, front end and file.

    `None` means "decided from the preset or from the image"; `complete`
    replaces the preset's by numbers, and the report holds the complete form.

    Examples
    --------
    >>> config = DipConfig(preset="paper", stop="none")
    >>> config.complete().fit.max_iterations
    3000
    """

    preset: Preset = Field(
        "balanced", description="How much work: fast, balanced, or the paper's exact settings."
    )
    stop: Stop = Field(
        "auto",
        description="Early stopping: held-out pixels, variance of the outputs, both (auto), "
        "residual as large as the noise, least expected error (sure: Stein's unbiased risk "
        "estimate), fewest blocks of a JPEG, or none.",
    )
    max_iterations: int | None = Field(
        None, ge=1, description="Upper bound of the iterations of each block (default: preset)."
    )
    time_limit: float | None = Field(
        None, gt=0, description="Upper bound of the whole run [seconds]; the best result is kept."
    )
    tune: float | None = Field(
        None,
        gt=0,
        description="Time to choose the network's width and the learning rate in, by the error "
        "at held-out pixels; needs Optuna [seconds] (default: the preset's).",
    )
    runs: int = Field(1, ge=1, description="Independent runs averaged into the result.")
    posterior_samples: int | None = Field(
        None,
        ge=2,
        description="Iterations after the fit whose spread is the uncertainty of the result "
        f"(default: none, or {UNCERTAINTY_SAMPLES} if an uncertainty of one run is asked for).",
    )
    noise: Noise = Field(
        "auto",
        description="Noise model; auto measures the noise and weights all pixels equally.",
    )
    gain: float | None = Field(None, gt=0, description="Camera gain [ADU per photon].")
    read_noise: float | None = Field(None, ge=0, description="Camera read noise [ADU].")
    sigma_noise: float | None = Field(
        None, gt=0, description="Standard deviation of Gaussian noise, on the image's scale."
    )
    axes: str | None = Field(
        None, description="Axes of the array, such as TZCYX (default: from the file)."
    )
    voxel_size: VoxelSize | None = Field(
        None,
        description="Spacing along each axis, such as z=0.3,y=0.1,x=0.1 [micrometre] "
        "(default: from the file).",
    )
    dims: Literal[2, 3] | None = Field(
        None,
        description="Fit planes (2) or volumes (3) at once (default: planes, unless the task "
        "needs volumes).",
    )
    tile: int | None = Field(
        None,
        ge=16,
        description="Fit tiles of at most this side, blended where they overlap [pixels] (default: "
        f"whole planes or volumes where the memory holds a fit, else up to {MAX_TILE}).",
    )
    overlap: int = Field(
        32, ge=0, description="How many pixels of neighbouring tiles are blended, at least."
    )
    warm_start: WarmStart = Field(
        "auto",
        description="Begin each plane or frame with what the network has learnt of its neighbour, "
        "and take a fraction of the iterations; auto does so for noise in planes, where the "
        "observation is the latent.",
    )
    channels: Channels | None = Field(
        None, description="Fit channels jointly or separately (default: RGB jointly)."
    )
    device: str = Field(
        "auto", pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$", description="auto, cpu, cuda[:i] or mps."
    )
    precision: Precision = Field("auto", description="Arithmetic of the network.")
    threads: int | None = Field(
        None, ge=1, le=1024, description="CPU threads (default: all cores, one for small planes)."
    )
    deterministic: bool = Field(
        False,
        description="Compute only with what gives the same bits each time; refused where a "
        "device cannot, such as volumes on CUDA.",
    )
    seed: int = Field(0, ge=0, description="Seed of the network, the latent and the held-out set.")
    fit: FitConfig | None = Field(None, description="Full fit settings (default: the preset's).")

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
            Name of the presets to use.
        dims : {2, 3}
            Dimensions that the task needs, used where the configuration has none.
        """
        dims = self.dims or dims
        fit = self.fit or preset_of(self.preset, task, dims)
        if self.max_iterations is not None:
            fit = fit.model_copy(update={"max_iterations": self.max_iterations})
        stop = AUTO_STOP.get(task, "auto") if self.stop == "auto" else self.stop
        chosen = {"fit": fit, "max_iterations": fit.max_iterations, "dims": dims, "stop": stop}
        return CompleteConfig.model_construct(
            self.model_fields_set | chosen.keys(), **{**dict(self), **chosen}
        )


class CompleteConfig(DipConfig):
    """A configuration in which task and preset leave nothing open; made by `complete`."""

    max_iterations: int
    dims: Literal[2, 3]
    fit: FitConfig
