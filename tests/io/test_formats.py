"""Readers and writers, by suffix."""

from __future__ import annotations

import pytest

from napari_dip import optional as extras
from napari_dip.errors import InputError
from napari_dip.io import images as io
from tests.tiny import small_image


@pytest.mark.parametrize(
    "suffix", [name for name in io.WRITERS if io.WRITERS[name] in io.LIBRARIES]
)
def test_missing_library_error_names_the_install_command(tmp_path, monkeypatch, suffix):
    path = tmp_path / f"a{suffix}"
    io.write_image(path, small_image())
    monkeypatch.setattr(extras, "installed", lambda library: False)
    for attempt in (lambda: io.check_output(path, overwrite=True), lambda: io.read_image(path)):
        with pytest.raises(InputError, match=r'pip install "napari-dip\[\w+\]"') as caught:
            attempt()
        assert "\n" not in str(caught.value)
