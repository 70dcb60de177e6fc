"""Stopping settings: patience, windows and thresholds of the stopping rules."""

# Annotations are read at run time by pydantic, cyclopts and the form, so
# nothing here is imported under TYPE_CHECKING.
from typing import Literal

from pydantic import Field

from napari_dip.config.names import Frozen


class StoppingConfig(Frozen):
    """Settings of the stopping rules; patience, window and guard are in iterations."""

    heldout_fraction: float = Field(
        0.03,
        gt=0,
        lt=0.5,
        description="Share of the pixels, or of the photons, that are held out of the fit.",
    )
    heldout_least: int = Field(
        32,
        ge=1,
        description="Smallest number of held-out pixels. With fewer, their error is too noisy and "
        "the rule auto holds out none.",
    )
    heldout_patience: int = Field(
        150,
        ge=1,
        description="Number of iterations without a lower held-out error until the fit stops.",
    )
    heldout_tolerance: float = Field(
        1e-3, ge=0, description="Relative decrease of the held-out error that resets the patience."
    )
    heldout_margin: float = Field(
        0.0,
        ge=0,
        description="Margin above the lowest held-out error, in standard errors of the difference. "
        "The last estimate within the margin is kept; 0 keeps the estimate of lowest error.",
    )
    variance_window: int = Field(
        100, ge=2, description="Number of outputs over which the variance is measured."
    )
    variance_of: Literal["auto", "window", "moving"] = Field(
        "auto",
        description="Variance over a window of outputs, or from moving averages, which need less "
        "memory (auto: moving for volumes).",
    )
    variance_decay: float = Field(
        0.9, gt=0, lt=1, description="Decay of the moving averages in each iteration."
    )
    variance_patience: int = Field(
        1000,
        ge=1,
        description="Number of iterations without a lower variance until the fit stops.",
    )
    variance_pixels: int = Field(
        16384, ge=1, description="Number of pixels at which the variance is measured."
    )
    risk_patience: int = Field(
        100,
        ge=1,
        description="Number of iterations without a lower risk estimate until the fit stops.",
    )
    blocks_patience: int = Field(
        100,
        ge=1,
        description="Number of iterations without fewer visible JPEG blocks after which the fit "
        "stops.",
    )
    least_removed: float = Field(
        0.1,
        ge=0,
        le=1,
        description="Share of the residual. If the residual guard removes at most this share in "
        "95% of the image, the image has hardly any noise and the fit stops.",
    )
    guard: int = Field(
        100,
        ge=0,
        description="First iteration at which a rule may stop the fit or select a result.",
    )
