"""Random damage to files, configurations and command lines: only our own errors are raised.

A normal test run tries a few fixed examples; `tox -e fuzz` tries NAPARI_DIP_FUZZ new ones.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import nibabel
import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from napari_dip.cli import main as cli
from napari_dip.cli.options import Options, configure
from napari_dip.core.image.image import Image
from napari_dip.core.restoration import restore as core
from napari_dip.errors import NapariDipError, UsageError
from napari_dip.io import images as io
from tests.io.dicom.files import save as write_slice
from tests.tiny import tiny_config

pytestmark = [pytest.mark.fuzz, pytest.mark.timeout(3600)]

_EXAMPLES = int(os.environ.get("NAPARI_DIP_FUZZ", "0"))
FUZZ = settings(
    max_examples=_EXAMPLES or 15,
    derandomize=not _EXAMPLES,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
PIXELS = np.arange(2 * 5 * 6, dtype=np.uint16).reshape(2, 5, 6)


def write_imagej(path: Path) -> None:
    tifffile.imwrite(path, PIXELS, imagej=True, metadata={"axes": "ZYX", "spacing": 0.5})


def write_ome(path: Path) -> None:
    tifffile.imwrite(path, PIXELS, ome=True, metadata={"axes": "ZYX"}, compression="zlib")


def write_tiled(path: Path) -> None:
    tifffile.imwrite(path, np.zeros((40, 40), np.float32), tile=(16, 16), predictor=False)


def write_nifti(path: Path) -> None:
    nibabel.save(nibabel.Nifti1Image(PIXELS.astype(np.int16), np.diag([1, 2, 3, 1])), path)


def write_plane(path: Path) -> None:
    io.write_image(path, Image(PIXELS[0], "YX"))


WRITERS = {
    "imagej.tif": write_imagej,
    "a.ome.tif": write_ome,
    "tiled.tif": write_tiled,
    "a.nii": write_nifti,
    "a.nii.gz": write_nifti,
    "a.dcm": write_slice,
    "a.png": write_plane,
    "a.npy": write_plane,
}


@cache
def undamaged(name: str) -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / name
        WRITERS[name](path)
        return path.read_bytes()


@st.composite
def damaged(draw, content: bytes) -> bytes:
    """Draw file content with bytes overwritten, inserted, removed or cut off."""
    data = bytearray(content)
    for _ in range(draw(st.integers(1, 4))):
        # Half of the damage is in the header, which has the most effect.
        last = max(len(data) - 1, 0)
        start = draw(st.integers(0, min(300, last)) | st.integers(0, last))
        new = draw(st.binary(max_size=8) | st.sampled_from([b"\xff" * 4, b"\0" * 4, b"\x7f"]))
        data[start : start + draw(st.sampled_from([len(new), 0, 1]))] = new
    return bytes(data[: draw(st.just(len(data)) | st.integers(0, len(data)))])


def assert_read_or_rejected(path: Path) -> None:
    """Read a file, lazily and at once, to an image or an error of one line."""
    for lazy in (False, True):
        message = "an image"
        try:
            np.asarray(io.read_image(path, lazy=lazy).data)
        except NapariDipError as error:
            message = str(error)
        assert message
        assert "\n" not in message


@pytest.mark.parametrize("name", WRITERS)
@FUZZ
@given(st.data())
def test_damaged_file_is_read_or_rejected(name, data):
    with TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data.draw(damaged(undamaged(name))))
        assert_read_or_rejected(path)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=9,
)


@st.composite
def altered(draw, content: object) -> object:
    """Draw a JSON value with one part replaced."""
    if isinstance(content, dict | list) and content and draw(st.integers(0, 4)):
        keys = list(content) if isinstance(content, dict) else range(len(content))
        key, copy = draw(st.sampled_from(keys)), content.copy()
        copy[key] = draw(altered(content[key]))
        return copy
    return draw(JSON)


@pytest.mark.parametrize("kind", ["metadata", "chunk"])
@FUZZ
@given(st.data())
def test_damaged_zarr_is_read_or_rejected(kind, data):
    with TemporaryDirectory() as folder:
        path = Path(folder) / "a.ome.zarr"
        io.write_image(path, Image(PIXELS, "ZYX"))
        files = sorted(each for each in path.rglob("*") if each.is_file())
        texts = [each for each in files if each.name == "zarr.json"]
        if kind == "metadata":
            file = data.draw(st.sampled_from(texts))
            content = json.loads(file.read_text())
            file.write_text(json.dumps(data.draw(altered(content))))
        else:
            file = data.draw(st.sampled_from([each for each in files if each not in texts]))
            file.write_bytes(data.draw(damaged(file.read_bytes())))
        assert_read_or_rejected(path)


def assert_configured_or_rejected(text: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "config.json"
        path.write_bytes(text)
        with suppress(UsageError):
            assert configure(Options(), path).complete().fit is not None


@FUZZ
@given(damaged(tiny_config().model_dump_json().encode()))
def test_damaged_configuration_is_read_or_rejected(text):
    assert_configured_or_rejected(text)


@FUZZ
@given(altered(json.loads(tiny_config().complete().model_dump_json())))
def test_altered_configuration_is_read_or_rejected(values):
    assert_configured_or_rejected(json.dumps(values).encode())


TASKS = ["denoise", "inpaint", "super-resolve", "deconvolve", "dejpeg", "guided", "fourier"]
NAMES = [f"--{name.replace('_', '-')}" for name in Options.model_fields]
OTHERS = ["--mask", "--factor", "--psf", "--sigma", "--guide", "--na", "--loss", "--config", "-o"]
VALUES = ["a.tif", "b.tif", "0", "-1", "2", "1e400", "nan", "auto", "y=2,x=3", "z=", "YX", "{}", ""]
WORDS = (
    st.sampled_from([*NAMES, *OTHERS, "--json", "--overwrite", "--no-json", "--", "--seed=1"])
    | st.sampled_from(VALUES)
    | st.text(st.characters(exclude_characters="/\\\0", exclude_categories=["Cs"]), max_size=6)
)


@FUZZ
@given(st.sampled_from([*TASKS, "evaluate"]), st.lists(WORDS, max_size=6))
def test_random_command_line_ends_with_a_known_exit_code(command, words):
    def refuse(*args, **options):
        raise UsageError("Got so far; expected no further.")

    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(core, "restore", refuse)
        tifffile.imwrite("a.tif", np.arange(64, dtype=np.uint8).reshape(8, 8))
        assert cli.main([command, "a.tif", *words]) in {0, 2, 3}
