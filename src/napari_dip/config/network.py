"""Network settings: the architecture of the network that generates the estimate."""

# Annotations are read at run time by pydantic, cyclopts and the form, so
# nothing here is imported under TYPE_CHECKING.
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from napari_dip.config.names import Frozen, NetworkName


class NetworkConfig(Frozen):
    """Architecture of the network that generates the estimate."""

    name: NetworkName = "hourglass"
    channels: tuple[int, ...] = Field(
        (128, 128, 128, 128, 128), description="Number of channels of each scale, finest first."
    )
    skip_channels: Annotated[int, Field(ge=0)] | tuple[Annotated[int, Field(ge=0)], ...] = Field(
        4,
        description="Number of channels of the skip connection, one number for all scales or one "
        "for each; 0 for no skip connection.",
    )
    pixel_shuffle: int = Field(
        1,
        ge=1,
        description="Factor n of the pixel shuffle: the network works at 1/n of the resolution and "
        "outputs n x n pixels for each of its own.",
    )
    upsampling: Literal["bilinear", "nearest"] = "bilinear"
    tapered: bool = Field(
        False,
        description="Hourglass only: each scale outputs as many channels as the next finer scale "
        "has, which saves time.",
    )
    downsampling: Literal["stride", "average", "max"] = Field(
        "stride",
        description="Hourglass only: downsampling by strided convolutions, or by average or "
        "maximum pooling after the convolution.",
    )
    down_kernels: Annotated[int, Field(ge=1)] | tuple[Annotated[int, Field(ge=1)], ...] = Field(
        3,
        description="Hourglass only: width of the downsampling kernels [pixels], one number for "
        "all scales or one for each.",
    )
    up_kernels: Annotated[int, Field(ge=1)] | tuple[Annotated[int, Field(ge=1)], ...] = Field(
        3,
        description="Hourglass only: width of the upsampling kernels [pixels], one number for all "
        "scales or one for each.",
    )
    blocks: Annotated[int, Field(ge=1)] | tuple[Annotated[int, Field(ge=1)], ...] = Field(
        1,
        description="Residual U-Net only: residual blocks of each scale, one number for all scales "
        "or one for each.",
    )
    padding: Literal["reflect", "zeros"] = Field(
        "reflect", description="Padding of the convolutions at the border: reflection, or zeros."
    )
    output: Literal["linear", "sigmoid"] = Field(
        "linear",
        description="Last activation; the range of the sigmoid is wider than that of the data.",
    )
    bias: bool = Field(
        False,
        description="Whether convolutions before a batch norm have a bias, as published; it does "
        "not change the output.",
    )

    @property
    def skips(self) -> tuple[int, ...]:
        """Number of channels of the skip connection of each scale."""
        return self.of_each_scale(self.skip_channels)

    def of_each_scale(self, value: int | tuple[int, ...]) -> tuple[int, ...]:
        """Return one number for each scale; a single number applies to all scales."""
        return (value,) * len(self.channels) if isinstance(value, int) else value

    @model_validator(mode="after")
    def _one_number_per_scale(self) -> Self:
        settings = {
            "skip width": self.skip_channels,
            "kernel width": self.down_kernels,
            "kernel width up": self.up_kernels,
            "number of blocks": self.blocks,
        }
        for name, value in settings.items():
            if len(self.of_each_scale(value)) != len(self.channels):
                raise ValueError(
                    f"expected one {name} for each of {len(self.channels)} scales, "
                    f"got {len(self.of_each_scale(value))}"
                )
        return self
