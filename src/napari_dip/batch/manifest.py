"""Manifest: what became of each file of a batch, so that it can be gone on with.

A file of the output folder with one line of JSON for each input that was done
with, on the disk before the next is begun. It is believed only if input,
configuration and output still have the checksums it names.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from napari_dip.config import Frozen


class Record(Frozen):
    """What became of one file.

    Attributes
    ----------
    input, output : str
        Path of the image; name of its result in the output folder.
    input_sha256, output_sha256 : str or None
        Checksums, where there was something to read and to write.
    config_sha256 : str
        Checksum of the task and its configuration.
    seconds : float
        Wall time.
    stop_reason : str or None
        Why the fit ended.
    error : str or None
        What went wrong, in a sentence.
    exit_code : int
        The command line's for that error.
    warnings : tuple of str
        Those of the report.
    """

    input: str
    output: str
    config_sha256: str
    input_sha256: str | None = None
    output_sha256: str | None = None
    seconds: float = 0.0
    stop_reason: str | None = None
    error: str | None = None
    exit_code: int = 0
    warnings: tuple[str, ...] = ()


class Manifest:
    """The records of an output folder.

    Parameters
    ----------
    folder : Path
        Output folder.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "manifest.jsonl"

    def read(self) -> dict[str, Record]:
        """Return the latest record of each input; a line that was cut off is left out."""
        records = {}
        lines = self.path.read_text(encoding="utf-8").splitlines() if self.path.is_file() else []
        for line in lines:
            with suppress(ValidationError):
                record = Record.model_validate_json(line)
                records[record.input] = record
        return records

    def add(self, *records: Record) -> None:
        """Append, and return once the disk has it; without records the file is begun."""
        begun = self.path.is_file() and self.path.read_bytes()
        with self.path.open("ab") as file:
            if begun and not begun.endswith(b"\n"):
                file.write(b"\n")  # after a line that was cut off
            for record in records:
                file.write(record.model_dump_json().encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
