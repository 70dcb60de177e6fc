"""TaskSpec: a task with the paths of its image files."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from napari_dip.core.image.image import as_image
from napari_dip.core.tasks import Deconvolve, Inpaint
from napari_dip.core.tasks.spec import PictureFile, TaskSpec


def test_builds_the_task_from_the_images_of_its_files():
    spec = TaskSpec("inpaint", {"mask": PictureFile(Path("mask.tif")), "inverse": True})
    task = spec.build(lambda path: as_image(np.eye(8)) if path == Path("mask.tif") else None)
    assert isinstance(task, Inpaint)
    assert task.inverse
    np.testing.assert_array_equal(task.mask.data, np.eye(8))


def test_voxel_size_of_a_file_replaces_that_of_the_image():
    psf = PictureFile(Path("psf.tif"), {"y": 0.1, "x": 0.2})
    task = TaskSpec("deconvolve", {"psf": psf}).build(lambda path: as_image(np.eye(5)))
    assert isinstance(task, Deconvolve)
    assert dict(task.psf.voxel_size) == {"Y": 0.1, "X": 0.2}


def test_absolute_changes_only_paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    spec = TaskSpec("inpaint", {"mask": PictureFile(Path("mask.tif")), "labels": (1,)})
    absolute = spec.absolute()
    assert absolute.files == [tmp_path / "mask.tif"]
    assert absolute.parameters["labels"] == (1,)
    assert spec.files == [Path("mask.tif")]
