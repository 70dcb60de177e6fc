"""The network that corrects interpolated slices."""

from __future__ import annotations

import torch

from napari_dip.core.networks.slice_network import SliceNetwork


def test_correction_is_zero_before_the_first_step():
    coarse = torch.rand(2, 5, 7)
    assert not SliceNetwork(3, width=4, layers=2)(coarse).any()


def test_rows_of_one_coarse_row_are_next_to_each_other():
    network = SliceNetwork(3, width=4, layers=1)
    network.last.bias.data = torch.tensor([1.0, 2.0, 3.0])
    output = network(torch.zeros(1, 2, 4))
    assert output[0, :, 0].tolist() == [1, 2, 3, 1, 2, 3]
