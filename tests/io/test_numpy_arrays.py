"""Images in NumPy files."""

from __future__ import annotations

import numpy as np
import pytest

from napari_dip.io import images as io
from tests.bad import assert_refused
from tests.tiny import small_image


@pytest.mark.parametrize("axes", ["YX", "ZYX", "YXS"])
def test_numpy_files_keep_values(tmp_path, axes):
    io.write_image(tmp_path / "a.npy", small_image(axes))
    back = io.read_image(tmp_path / "a.npy", axes)
    np.testing.assert_array_equal(back.data, small_image(axes).data)


def test_asks_for_axes_of_a_numpy_file_with_colours(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((16, 16, 3)))
    assert "colours" in assert_refused(tmp_path / "a.npy")
    assert io.read_image(tmp_path / "a.npy", "YXS").axes == "YXS"
