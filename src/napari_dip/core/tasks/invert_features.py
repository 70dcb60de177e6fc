"""InvertFeatures: find an image with the same features in a trained network."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_dip.config import DEFAULT_FEATURES
from napari_dip.core.image.image import finite_mask
from napari_dip.core.operators.pretrained import Pretrained, find_pretrained, load_pretrained
from napari_dip.core.tasks.base import Task
from napari_dip.core.tasks.parameters import described
from napari_dip.errors import InputError

if TYPE_CHECKING:
    from napari_dip.config import Stop, TaskName
    from napari_dip.core.image.image import Image
    from napari_dip.core.operators.features import Features


@dataclass(frozen=True, slots=True, eq=False)
class InvertFeatures(Task):
    """y = Phi(x): find an image with the features of the observation (IJCV 2020, Sec. 3.4).

    With `unit`, find an image that maximises the activity of this unit; only the size
    and the intensity range of the observation matter then.

    Attributes
    ----------
    features : str or torch.nn.Module
        NAME or NAME:LAYER of a pretrained network, or a module that takes
        RGB (N, 3, Y, X) from 0 to 1.
    layer : str
        Layer of a module, such as "features.3"; its output by default.
    unit : int, optional
        Index of the unit, or channel, of the layer, from 0.
    """

    name = "invert-features"
    features: Any = field(
        default=DEFAULT_FEATURES,
        metadata=described(
            "text",
            "Features",
            "Trained network as NAME or NAME:LAYER; NAME is efficientnet-lite0 or alexnet.",
        ),
    )
    layer: str = ""
    unit: int | None = field(
        default=None,
        metadata=described(
            "integer",
            "Unit",
            "Index of the unit, or channel, of the layer whose activity is maximised, from 0; only "
            "the size and the intensity range of the image matter then.",
            minimum=0,
        ),
    )

    @property
    def preset(self) -> TaskName:
        return "invert-features" if self.unit is None else "maximise-unit"

    @property
    def rules(self) -> tuple[Stop, ...]:
        # The observation has features in place of pixels, and no feature can be held out.
        return tuple(rule for rule in super(InvertFeatures, self).rules if rule != "heldout")

    def check(self, image: Image, axes: str) -> None:
        self.observe(image)

    @property
    def local(self) -> bool:
        return False

    @property
    def by_parts(self) -> bool:
        return False

    def observe(self, image: Image) -> Image:
        if isinstance(self.features, str):
            find_pretrained(self.features.partition(":")[0])
        if not finite_mask(np.asarray(image.data)).all():
            raise InputError(
                "Got NaN or infinite pixels; expected all finite, because each feature depends on "
                "many pixels."
            )
        if self.unit is not None and np.ptp(np.asarray(image.data)) == 0:
            raise InputError(
                "Got a constant image; expected one with the intensity range that the result "
                "should have, such as a photograph."
            )
        return image

    def operator(self, image: Image, axes: str) -> Features:
        from napari_dip.core.operators.features import Features, Unit

        pretrained = self._pretrained()
        return Features(pretrained) if self.unit is None else Unit(pretrained, self.unit)

    def _pretrained(self) -> Pretrained:
        if not isinstance(self.features, str):
            return Pretrained(self.features, self.layer)
        return load_pretrained(self.features, self.layer)
