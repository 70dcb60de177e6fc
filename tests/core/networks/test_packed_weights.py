"""Packed weights: small, and unpacked to nearly the same numbers."""

from __future__ import annotations

import torch

from napari_dip.core.networks.packed_weights import pack, unpack


def weights():
    random = torch.Generator().manual_seed(0)
    # The channels of a kernel differ in size by a factor of a thousand.
    sizes = torch.logspace(-2, 1, 8).reshape(8, 1, 1, 1)
    return {
        "kernel": sizes * torch.randn(8, 4, 3, 3, generator=random),
        "head": torch.randn(4, 8, generator=random),
        "bias": torch.randn(4, generator=random),
        "zeros": torch.zeros(3, 2, 1, 1),
    }


def test_each_channel_keeps_three_digits_of_its_largest_weight():
    read = unpack(pack(weights()))
    assert read.keys() == weights().keys()
    for name, values in weights().items():
        rows, expected = read[name].reshape(len(values), -1), values.reshape(len(values), -1)
        largest = expected.abs().amax(1, keepdim=True)
        assert ((rows - expected).abs() <= largest / 200).all(), name


def test_numbers_take_one_byte():
    packed = pack(weights())
    assert packed["kernel"].dtype == packed["head"].dtype == torch.int8
    assert sum(values.nbytes for values in packed.values()) < 1.3 * sum(
        values.numel() for values in weights().values()
    )


def test_unpacked_weights_stay_as_they_are():
    given = weights()
    read = unpack(given)
    assert all(read[name] is values for name, values in given.items())
