"""SuperResolve: enlarge an image that was low-pass filtered and sampled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

from napari_dip.config import (
    DEFAULT_ALONG_Z,
    DEFAULT_FACTOR,
    DEFAULT_KERNEL,
    AlongZ,
    Kernel,
)
from napari_dip.core.tasks.base import Task, by_axis
from napari_dip.core.tasks.parameters import described
from napari_dip.errors import InputError

if TYPE_CHECKING:
    from napari_dip.config import TaskName
    from napari_dip.core.image.image import Image
    from napari_dip.core.operators.base import Operator

_MAX_FACTOR = 16
# From this factor on, the published experiments use twice the iterations.
_LARGE_FACTOR = 8


@dataclass(frozen=True, slots=True, eq=False)
class SuperResolve(Task):
    """y = D x: low-pass filter and sampling (IJCV 2020, eq. 5).

    Attributes
    ----------
    factor : int or mapping of str to int
        Magnification along Y and X, or along each axis, such as {"z": 4} or
        {"y": 2, "x": 2}; whole numbers from 2 to 16.
    kernel : {"lanczos2", "box", "gaussian", "none"}
        Low-pass filter before sampling; "box" for a camera that bins or for thick sections,
        "none" for thin optical sections with gaps.
    along_z : {"correct", "fit"}
        Way to add planes if only z is enlarged: correct the cubic interpolation by what the
        planes show, or fit a network to the whole stack.
    """

    name = "super-resolve"
    factor: int | Mapping[str, int] = field(
        default=DEFAULT_FACTOR,
        metadata=described(
            "integer",
            "Factor",
            "Magnification along Y and X, or along each axis; along Z it adds planes between those "
            "of a stack.",
            minimum=2,
            maximum=_MAX_FACTOR,
            by_axis=True,
        ),
    )
    kernel: Kernel = field(
        default=DEFAULT_KERNEL,
        metadata=described(
            "choice",
            "Low-pass",
            "Low-pass filter that acted before the image was sampled; box for a camera that bins "
            "or for thick sections, none for thin optical sections with gaps.",
            choices={name: name for name in get_args(Kernel)},
        ),
    )
    along_z: AlongZ = field(
        default=DEFAULT_ALONG_Z,
        metadata=described(
            "choice",
            "Along Z",
            "Way to add planes if only Z is enlarged: correct the cubic interpolation by what the "
            "planes show (correct), or fit a network to the whole stack (fit).",
            choices={"correct": "correct cubic", "fit": "fit the stack"},
        ),
    )

    def factors(self) -> Mapping[str, int]:
        factors = by_axis(self.factor)
        if (
            set(factors) - set("ZYX")
            or any(factor not in range(1, _MAX_FACTOR + 1) for factor in factors.values())
            or max(factors.values(), default=1) == 1
        ):
            raise InputError(
                f"Got the factors {factors}; expected whole numbers from 2 to {_MAX_FACTOR} "
                "for z, y and x, such as 4 or z=4."
            )
        return {axis: int(factor) for axis, factor in factors.items()}

    @property
    def preset(self) -> TaskName:
        factors = {axis for axis, factor in self.factors().items() if factor > 1}
        if factors == {"Z"} and self.along_z == "correct":
            return "super-resolve-z"
        large = max(self.factors().values()) >= _LARGE_FACTOR
        return "super-resolve-x8" if large else "super-resolve"

    @property
    def dims(self) -> Literal[2, 3]:
        return 3 if self.factors().get("Z", 1) > 1 else 2

    def check(self, image: Image, axes: str) -> None:
        if self.factors().get("Z", 1) > 1 and "Z" not in axes:
            raise InputError(
                f"Got a factor along z for planes ({axes}); expected volumes. Choose dims 3, or "
                "leave dims to the task."
            )

    def operator(self, image: Image, axes: str) -> Operator:
        from napari_dip.core.operators.downsample import Downsample

        self.check(image, axes)
        factors = self.factors()
        return Downsample([factors.get(axis, 1) for axis in axes], self.kernel)
