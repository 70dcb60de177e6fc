"""RemoveJpeg: the image was compressed, its cosine coefficients rounded to steps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from napari_dip.config import DEFAULT_LOSS, JpegLoss, Stop
from napari_dip.core.tasks.base import Task
from napari_dip.core.tasks.parameters import described
from napari_dip.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_dip.config import TaskName
    from napari_dip.core.image.image import Image
    from napari_dip.core.operators import jpeg
    from napari_dip.core.operators.base import Operator

# A coefficient lies at most half a step from the whole number it was rounded to.
_HALF_STEP = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Quantisation:
    """How a JPEG file rounds.

    Attributes
    ----------
    tables : tuple of (8, 8) array
        Steps of the cosine coefficients [grey levels], rows by vertical
        frequency; one table for a grey image, those of luma and of the two
        differences of colour for a coloured one.
    factors : (int, int)
        Pixels along Y and X that share a colour: (1, 1) in 4:4:4, (1, 2) in
        4:2:2, (2, 1) in 4:2:2 that was turned upright, (2, 2) in 4:2:0.
    """

    tables: tuple[NDArray[Any], ...]
    factors: tuple[int, int] = (1, 1)


@dataclass(frozen=True, slots=True, eq=False)
class RemoveJpeg(Task):
    """Blocks and ringing of compression are removed.

    Attributes
    ----------
    quantisation : Quantisation, optional
        Of the file, whose decoded pixels the image is.
    loss : {"auto", "coefficients", "bins", "plain"}
        "coefficients": differences count in steps of the quantisation.
        "bins": only beyond half a step; all that would have been rounded to
        the same file is equally good. "plain": differences of pixels, of any
        picture (IJCV 2020, Sec. 3.1). "auto": coefficients where the
        quantisation is known.
    """

    name = "dejpeg"
    quantisation: Quantisation | None = None
    loss: JpegLoss = field(
        default=DEFAULT_LOSS,
        metadata=described(
            "choice",
            "Loss",
            "Coefficients: cosine coefficients, in steps of their quantisation. Bins: only those "
            "outside the bin they were rounded to. Both need the JPEG file. Plain: pixels. Auto: "
            "coefficients of a JPEG file, else plain.",
            choices={name: name for name in get_args(JpegLoss)},
        ),
    )

    @property
    def quantised(self) -> bool:
        """Whether coefficients are compared, and end within their bins."""
        known = self.quantisation is not None
        return self.loss in ("coefficients", "bins") or (self.loss == "auto" and known)

    @property
    def preset(self) -> TaskName:
        return "dejpeg-coefficients" if self.quantised else "dejpeg"

    @property
    def rules(self) -> tuple[Stop, ...]:
        """A coefficient cannot be held out; blocks can be seen."""
        if not self.quantised:
            return super(RemoveJpeg, self).rules
        rules = (rule for rule in super(RemoveJpeg, self).rules if rule != "heldout")
        return (*rules, "blocks")

    @property
    def local(self) -> bool:
        return not self.quantised

    @property
    def tolerance(self) -> float | None:
        if not self.quantised:
            return None
        return _HALF_STEP if self.loss == "bins" else 0.0

    def check(self, image: Image, axes: str) -> None:
        if not self.quantised:
            return
        if self.quantisation is None:
            raise InputError(
                "Got no quantisation tables for a loss of coefficients; expected a JPEG file, as "
                "it was written. Choose the plain loss for pictures that were one once."
            )
        expected = "YXS" if len(self.quantisation.tables) == 3 else "YX"
        if image.axes != expected or axes != "YX" or image.dtype != np.uint8:
            raise InputError(
                f"Got {image.dtype.name} values with the axes {image.axes} for the quantisation "
                f"tables of a JPEG; expected its decoded pixels, uint8 with the axes {expected}. "
                "Choose the plain loss for what was made of them."
            )

    def operator(self, image: Image, axes: str) -> Operator:
        self.check(image, axes)
        if not self.quantised:
            return super(RemoveJpeg, self).operator(image, axes)
        return self._transform(image.shape[:2])

    def merge(self, estimate: NDArray[Any], observed: NDArray[Any]) -> NDArray[Any]:
        """Move coefficients that are outside of their bin to its edge."""
        if not self.quantised:
            return estimate
        import torch

        def planes(values: NDArray[Any]) -> torch.Tensor:
            channels_first = np.atleast_3d(values).transpose(2, 0, 1).astype(np.float64)
            return torch.from_numpy(channels_first)[None]  # (1, C, Y, X)

        transform = self._transform(estimate.shape[:2])
        moved = transform.nearest(planes(estimate), planes(observed), _HALF_STEP)
        restored = moved[0].permute(1, 2, 0).numpy().reshape(estimate.shape)
        return np.asarray(restored, dtype=estimate.dtype)

    def _transform(self, shape: tuple[int, ...]) -> jpeg.Jpeg:
        import torch

        from napari_dip.core.operators import jpeg

        assert self.quantisation is not None  # checked
        tables = [torch.from_numpy(np.array(t, np.float64)) for t in self.quantisation.tables]
        return jpeg.Jpeg(tables, self.quantisation.factors, (shape[0], shape[1]))
