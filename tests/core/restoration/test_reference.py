from __future__ import annotations

import numpy as np
import pytest

from napari_dip.core.blocks.plan import plan_blocks
from napari_dip.core.image.image import as_image
from napari_dip.core.restoration.reference import Reference
from napari_dip.errors import InputError

TRUTH = np.linspace(0, 10, 2 * 4 * 5).reshape(2, 4, 5)
STACK = as_image(np.zeros((2, 4, 5)), "ZYX")


def psnr_of(error):
    return 10 * np.log10(10**2 / error)


def test_psnr_of_a_block_uses_the_range_of_the_whole_reference():
    reference = Reference(TRUTH, STACK, "ZYX")
    _, block = plan_blocks(STACK, None)
    found = reference.compare(block, 0, 1, (TRUTH[1] + 2).astype(np.float32))
    assert found == pytest.approx(psnr_of(4.0), abs=1e-3)


def test_best_psnr_is_that_of_the_best_iteration_of_each_block_in_the_first_run():
    reference = Reference(TRUTH, STACK, "ZYX")
    errors = {1: 3.0, 2: 1.0, 3: 2.0}
    for block in plan_blocks(STACK, None):
        for iteration, error in errors.items():
            reference.compare(block, 0, iteration, TRUTH[block.index] + error + block.index)
        reference.compare(block, 1, 9, TRUTH[block.index])
    quality = reference.evaluate((TRUTH + 3).astype(np.float32))
    assert quality["psnr"] == pytest.approx(psnr_of(9.0), abs=1e-3)
    assert quality["best_psnr"] == pytest.approx(psnr_of((1 + 4) / 2), abs=1e-3)
    assert quality["best_iteration"] == 2


def test_has_no_best_psnr_without_a_fit():
    assert Reference(TRUTH, STACK, "ZYX").evaluate(TRUTH).keys() == {"psnr", "ssim"}


def test_rejects_a_reference_of_another_shape():
    with pytest.raises(InputError, match="same shape"):
        Reference(TRUTH[:, :3], STACK, "ZYX")
