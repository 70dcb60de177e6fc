"""Optics that an image was recorded with, as far as its file says."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal


@dataclass(frozen=True, slots=True)
class ChannelOptics:
    """Light of a channel.

    Attributes
    ----------
    emission, excitation : float or None
        Wavelengths [micrometre].
    microscope : str or None
        Kind of microscope, one of `napari_dip.config.Microscope`.
    """

    emission: float | None = None
    excitation: float | None = None
    microscope: str | None = None


@dataclass(frozen=True, slots=True)
class Acquisition:
    """Objective and channels of an image.

    Attributes
    ----------
    na : float or None
        Numerical aperture of the objective.
    refractive_index : float or None
        Refractive index of the immersion medium.
    channels : tuple of ChannelOptics
        Light of each channel; empty if nothing is known.
    """

    na: float | None = None
    refractive_index: float | None = None
    channels: tuple[ChannelOptics, ...] = ()

    def cut(self, channels: slice) -> Acquisition:
        """Return the acquisition of some channels.

        Examples
        --------
        >>> both = Acquisition(1.4, None, (ChannelOptics(0.46), ChannelOptics(0.52)))
        >>> both.cut(slice(1, 2)).channels[0].emission
        0.52
        """
        return replace(self, channels=self.channels[channels])

    def wavelength(self, name: Literal["emission", "excitation"]) -> float | None:
        """Return the mean wavelength of the channels [micrometre].

        Examples
        --------
        >>> Acquisition(channels=(ChannelOptics(0.5), ChannelOptics(0.6))).wavelength("emission")
        0.55
        """
        values = [getattr(channel, name) for channel in self.channels]
        known = [value for value in values if value is not None]
        return sum(known) / len(known) if known else None

    @property
    def microscope(self) -> str | None:
        """Kind of microscope that all channels share."""
        kinds = {channel.microscope for channel in self.channels}
        return kinds.pop() if len(kinds) == 1 else None
