"""RemoveJpeg: remove the artefacts of JPEG compression, which rounds cosine coefficients."""

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

# Rounding moves a coefficient by at most half a quantisation step.
_HALF_STEP = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Quantisation:
    """Quantisation of a JPEG file.

    Attributes
    ----------
    tables : tuple of (8, 8) array
        Quantisation steps of the cosine coefficients [grey levels], rows by vertical
        frequency: one table for a grey image; three, for luma and both chroma
        components, for a colour image.
    factors : (int, int)
        Chroma subsampling along Y and X: (1, 1) is 4:4:4, (1, 2) is 4:2:2, (2, 1) is
        4:2:2 of an image that was rotated upright, (2, 2) is 4:2:0.
    """

    tables: tuple[NDArray[Any], ...]
    factors: tuple[int, int] = (1, 1)


@dataclass(frozen=True, slots=True, eq=False)
class RemoveJpeg(Task):
    """Remove the blocks and ringing of JPEG compression.

    Attributes
    ----------
    quantisation : Quantisation, optional
        Quantisation of the JPEG file whose decoded pixels the image holds.
    loss : {"auto", "coefficients", "bins", "plain"}
        "coefficients": differences of cosine coefficients, in quantisation steps.
        "bins": the same, but a difference below half a step counts as 0, because both
        values are rounded to the same file. "plain": differences of pixels, for any
        image (IJCV 2020, Sec. 3.1). "auto": coefficients if the quantisation is known,
        else plain.
    """

    name = "dejpeg"
    quantisation: Quantisation | None = None
    loss: JpegLoss = field(
        default=DEFAULT_LOSS,
        metadata=described(
            "choice",
            "Loss",
            "Differences that the fit minimises. Coefficients: of cosine coefficients, in "
            "quantisation steps. Bins: the same, only outside the interval that is rounded to the "
            "recorded value. Plain: of pixels. Auto: coefficients for a JPEG file, else plain. "
            "Coefficients and bins need the original JPEG file.",
            choices={name: name for name in get_args(JpegLoss)},
        ),
    )

    @property
    def quantised(self) -> bool:
        """Whether the loss compares cosine coefficients."""
        known = self.quantisation is not None
        return self.loss in ("coefficients", "bins") or (self.loss == "auto" and known)

    @property
    def preset(self) -> TaskName:
        return "dejpeg-coefficients" if self.quantised else "dejpeg"

    @property
    def rules(self) -> tuple[Stop, ...]:
        # A coefficient cannot be held out; the visible blocks can be counted instead.
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
                f"Got no quantisation tables for the loss {self.loss}; expected an original JPEG "
                "file. Choose the plain loss for an image that was converted from JPEG."
            )
        expected = "YXS" if len(self.quantisation.tables) == 3 else "YX"
        if image.axes != expected or axes != "YX" or image.dtype != np.uint8:
            raise InputError(
                f"Got {image.dtype.name} values with the axes {image.axes} for the quantisation "
                f"tables of a JPEG; expected its decoded pixels, uint8 with the axes {expected}. "
                "Choose the plain loss for pixels that were changed."
            )

    def operator(self, image: Image, axes: str) -> Operator:
        self.check(image, axes)
        if not self.quantised:
            return super(RemoveJpeg, self).operator(image, axes)
        return self._transform(image.shape[:2])

    def merge(self, estimate: NDArray[Any], observed: NDArray[Any]) -> NDArray[Any]:
        """Clip coefficients to the interval that is rounded to the recorded value."""
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

        assert self.quantisation is not None  # `check` has refused the other case
        tables = [torch.from_numpy(np.array(t, np.float64)) for t in self.quantisation.tables]
        return jpeg.Jpeg(tables, self.quantisation.factors, (shape[0], shape[1]))
