"""Paths, checks and files of results and reports."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from napari_dip.core.image.image import as_image
from napari_dip.errors import FileFormatError, OutputExistsError, UsageError
from napari_dip.io.results import (
    check_outputs,
    default_output,
    output_dtype,
    report_path,
    save_json,
)


@pytest.mark.parametrize(
    ("image", "output"),
    [
        ("cell.tif", "cell_denoise.ome.tif"),
        ("cell.ome.tiff", "cell_denoise.ome.tif"),
        ("a.b.NPY", "a.b_denoise.ome.tif"),
        ("brain.nii.gz", "brain_denoise.ome.tif"),
        ("cell", "cell_denoise.ome.tif"),
    ],
)
def test_default_output_is_beside_the_image(image, output):
    assert default_output(Path("folder", image), "denoise") == Path("folder", output)


def test_report_path_is_beside_the_output():
    assert report_path(Path("a.ome.tif")) == Path("a.ome.tif.json")


def test_rejects_invalid_outputs(tmp_path):
    image, other = tmp_path / "out.tif", tmp_path / "out.tif.json"
    check_outputs([image], [other])
    with pytest.raises(FileFormatError, match="folder"):
        check_outputs([tmp_path / "absent" / "out.tif"], [])
    with pytest.raises(FileFormatError, match="folder"):
        check_outputs([], [tmp_path / "absent" / "saved.json"])
    with pytest.raises(FileFormatError, match="expected one of"):
        check_outputs([tmp_path / "out.xyz"], [])
    with pytest.raises(UsageError, match="twice"):
        check_outputs([image, image], [])
    other.touch()
    with pytest.raises(OutputExistsError, match="replace it"):
        check_outputs([image], [other])
    check_outputs([image], [other], overwrite=True)
    with pytest.raises(UsageError, match="twice"):
        check_outputs([image], [other], inputs=[other], overwrite=True)


def test_png_output_has_the_dtype_of_the_image():
    assert output_dtype(Path("a.tif"), as_image(np.zeros((4, 4)))) is None
    assert output_dtype(Path("a.PNG"), as_image(np.zeros((4, 4), np.uint16))) == np.uint16
    for values in (np.zeros((4, 4)), np.zeros((2, 4, 4), np.uint8)):
        with pytest.raises(FileFormatError, match="png"):
            output_dtype(Path("a.png"), as_image(values))


def test_json_is_written_atomically(tmp_path):
    path = tmp_path / "a.json"
    save_json(path, {"a": 1})
    assert json.loads(path.read_text()) == {"a": 1}
    with pytest.raises(TypeError):
        save_json(path, {"a": object()})
    assert json.loads(path.read_text()) == {"a": 1}
    assert list(tmp_path.iterdir()) == [path]
