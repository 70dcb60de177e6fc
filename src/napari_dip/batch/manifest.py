"""Manifest: the outcome of each image of a batch, from which the batch resumes.

The file has one line of JSON for each image, flushed to disk before the next image
starts. A record counts only if input, configuration and output still have the recorded
checksums.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from napari_dip.config import Frozen


class Record(Frozen):
    """Outcome of one image.

    Attributes
    ----------
    input : str
        Path of the image.
    output : str
        Name of the result in the output folder.
    input_sha256, output_sha256 : str or None
        Checksums of image and result; None after an error.
    config_sha256 : str
        Checksum of task and configuration.
    seconds : float
        Wall time [seconds].
    stop_reason : str or None
        Reason why the fit stopped.
    error : str or None
        Error as a sentence; None if the image was restored.
    exit_code : int
        Exit code of the command line for the error; 0 without one.
    warnings : tuple of str
        Warnings of the report.
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
    """Records of an output folder.

    Parameters
    ----------
    folder : Path
        Output folder.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "manifest.jsonl"

    def read(self) -> dict[str, Record]:
        """Return the latest record of each image, by its path; incomplete lines are skipped."""
        records = {}
        lines = self.path.read_text(encoding="utf-8").splitlines() if self.path.is_file() else []
        for line in lines:
            with suppress(ValidationError):
                record = Record.model_validate_json(line)
                records[record.input] = record
        return records

    def add(self, *records: Record) -> None:
        """Append records and flush them to disk; without records, only make the file."""
        content = self.path.read_bytes() if self.path.is_file() else b""
        with self.path.open("ab") as file:
            if content and not content.endswith(b"\n"):
                file.write(b"\n")  # the last line is incomplete after a crash
            for record in records:
                file.write(record.model_dump_json().encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
