from __future__ import annotations

import hashlib
import json

import numpy as np
import torch

from napari_dip.core.image.image import Image
from napari_dip.core.report.provenance import recorded, sha256_of_pixels


def test_writes_small_arrays_out_and_large_ones_by_checksum():
    small, large = np.arange(4.0), np.eye(64, dtype=np.uint8)
    assert recorded(small) == [0, 1, 2, 3]
    found = recorded(large)
    assert (found["shape"], found["dtype"], found["nonzero"]) == ([64, 64], "uint8", 1 / 64)
    assert found["sha256"] == hashlib.sha256(large.tobytes()).hexdigest()


def test_writes_an_array_with_nan_by_checksum_so_that_it_is_json():
    found = recorded(np.array([1.0, np.nan]))
    assert found["shape"] == [2]
    assert json.loads(json.dumps(found)) == found


def test_records_images_tensors_mappings_and_modules():
    image = Image(np.zeros((32, 32)), "YX", {"Y": 0.1, "X": 0.1})
    found = recorded({"image": image, "tensor": torch.ones(2), "network": torch.nn.ReLU()})
    assert found["image"]["axes"] == "YX"
    assert found["image"]["voxel_size"] == {"Y": 0.1, "X": 0.1}
    assert found["tensor"] == [1, 1]
    assert found["network"] == "torch.nn.modules.activation.ReLU"


def test_checksum_does_not_depend_on_the_memory_layout():
    values = np.arange(12.0).reshape(3, 4)
    assert sha256_of_pixels(np.asfortranarray(values)) == sha256_of_pixels(values)


def test_does_not_read_a_lazy_array_for_its_checksum():
    class Lazy:
        shape, dtype = (9, 9), np.dtype("uint8")

    assert sha256_of_pixels(Lazy()) is None
    assert recorded(Lazy()) == {"shape": [9, 9], "dtype": "uint8", "sha256": None}
