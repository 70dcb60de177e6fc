"""Manifest: records of the images of a batch."""

from __future__ import annotations

from napari_dip.batch.manifest import Manifest, Record
from napari_dip.cli import batch_command


def test_manifest_returns_the_latest_record_of_each_image(tmp_path):
    manifest = Manifest(tmp_path)
    manifest.add()
    first = Record(input="a", output="b", config_sha256="c", error="Got nothing.")
    manifest.add(first, first.model_copy(update={"error": None}))
    assert manifest.read() == {"a": first.model_copy(update={"error": None})}
    assert batch_command._line(first) == "a: error: Got nothing."
