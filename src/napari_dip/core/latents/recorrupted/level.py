"""Noise level: between which limits the measured one may be corrected."""

from __future__ import annotations

# Texture makes little noise appear more: up to the first share of the deviation of the image, the
# level may be lowered by up to the third number, from the second share on not at all. The level of
# coarse noise, part of which is not measured, may be raised up to the fourth.
_LITTLE, _MODERATE, _LOWEST, _HIGHEST = 0.05, 0.17, 0.1, 1.2


def possible_levels(deviation: float, *, coarse: bool) -> tuple[float, float]:
    """Return the lowest and the highest level, relative to the measured one.

    Parameters
    ----------
    deviation : float
        Standard deviation of the image, in standard deviations of the measured noise.
    coarse : bool
        Whether the noise of neighbouring pixels is correlated.

    Examples
    --------
    >>> [possible_levels(deviation, coarse=False) for deviation in (2.0, 100.0)]
    [(1.0, 1.0), (0.1, 1.0)]
    """
    share = (1 / deviation - _LITTLE) / (_MODERATE - _LITTLE)
    low = _LOWEST + (1 - _LOWEST) * min(max(share, 0.0), 1.0)
    return low, _HIGHEST if coarse else 1.0
