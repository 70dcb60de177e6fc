import pytest

from napari_dip.core.latents.recorrupted.level import possible_levels


@pytest.mark.parametrize("coarse", [False, True])
def test_strong_noise_cannot_be_texture(coarse):
    low, high = possible_levels(3.0, coarse=coarse)
    assert low == pytest.approx(1)
    assert (high > 1) == coarse


def test_the_less_noise_the_lower_the_level_may_be():
    lows = [possible_levels(deviation, coarse=False)[0] for deviation in (3, 8, 15, 40, 400)]
    assert lows == sorted(lows, reverse=True)
    assert lows[0] > lows[1] > lows[2] > lows[3] == lows[4] > 0
