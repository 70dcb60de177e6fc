"""Denoise: the observation is the scene plus noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_dip.core.tasks.camera import CameraTask

if TYPE_CHECKING:
    from napari_dip.config import Stop


@dataclass(frozen=True, slots=True, eq=False)
class Denoise(CameraTask):
    """y = x + noise (Ulyanov, Vedaldi, Lempitsky: Deep Image Prior, IJCV 2020, eq. 3)."""

    name = "denoise"

    @property
    def rules(self) -> tuple[Stop, ...]:
        # Stein's unbiased risk estimate holds only for the identity operator.
        return (*super(Denoise, self).rules, "sure")

    @property
    def noisy(self) -> bool:
        return True

    @property
    def adapts_to_noise(self) -> bool:
        return True
