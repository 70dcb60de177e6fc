"""Checksum of a task and its configuration."""

from __future__ import annotations

from napari_dip.batch.checksum import checksum_of
from napari_dip.core.tasks.spec import PictureFile, TaskSpec
from tests.tiny import tiny_config


def test_defaults_that_are_spelled_out_have_the_same_checksum():
    spelled_out = TaskSpec("super-resolve", {"factor": 4, "kernel": "lanczos2"})
    config = tiny_config()
    assert checksum_of(spelled_out, config) == checksum_of(TaskSpec("super-resolve"), config)


def test_parameters_and_configuration_change_the_checksum():
    specs = [
        TaskSpec("deconvolve", {"sigma": 1.0}),
        TaskSpec("deconvolve", {"sigma": {"y": 1.0, "x": 1.0}}),
        TaskSpec("deconvolve", {"sigma": 1.0, "refine_psf": True}),
    ]
    checksums = {checksum_of(spec, tiny_config(seed=seed)) for spec in specs for seed in (0, 1)}
    assert len(checksums) == 6


def test_number_of_threads_does_not_change_the_checksum():
    spec = TaskSpec()
    assert checksum_of(spec, tiny_config(threads=1)) == checksum_of(spec, tiny_config(threads=2))


def test_content_and_name_of_a_file_change_the_checksum_but_not_its_folder(tmp_path):
    def checksum(name, content):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        return checksum_of(TaskSpec("inpaint", {"mask": PictureFile(path)}), tiny_config())

    first = checksum("a/mask.tif", b"mask")
    assert checksum("b/mask.tif", b"mask") == first
    assert len({first, checksum("a/mask.tif", b"other"), checksum("a/other.tif", b"mask")}) == 3


def test_strength_changes_the_checksum_unless_it_is_the_default():
    default, same, other = (
        checksum_of(TaskSpec(), config)
        for config in (tiny_config(), tiny_config(strength=1.0), tiny_config(strength=2.0))
    )
    assert default == same != other


def test_way_along_z_changes_the_checksum_unless_it_is_the_default():
    config, factor = tiny_config(), {"z": 4}
    usual = checksum_of(TaskSpec("super-resolve", {"factor": factor}), config)
    spelled_out = TaskSpec("super-resolve", {"factor": factor, "along_z": "correct"})
    assert checksum_of(spelled_out, config) == usual
    fit = TaskSpec("super-resolve", {"factor": factor, "along_z": "fit"})
    assert checksum_of(fit, config) != usual


def test_a_camera_map_changes_the_checksum(tmp_path):
    path = tmp_path / "map.tif"
    path.write_bytes(b"map")
    specs = [
        TaskSpec(),
        TaskSpec("denoise", {"camera_offset": PictureFile(path)}),
        TaskSpec("denoise", {"camera_variance": PictureFile(path)}),
    ]
    assert len({checksum_of(spec, tiny_config()) for spec in specs}) == 3
