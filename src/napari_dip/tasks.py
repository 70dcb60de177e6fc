"""Tasks: each is a choice of forward operator for the one loop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from napari_dip.core.problem import Operator, identity


class Task(Protocol):
    """What distinguishes one inverse problem from another."""

    @property
    def name(self) -> str:
        """Name on the command line, in the report and in the result layer's name."""

    def operator(self) -> Operator:
        """Return A, from the estimate to the observation."""


@dataclass(frozen=True, slots=True)
class Denoise:
    """y = x + noise (Ulyanov, Vedaldi, Lempitsky: Deep Image Prior, IJCV 2020, eq. 3)."""

    name: str = "denoise"

    def operator(self) -> Operator:
        """Return the identity."""
        return identity
