"""Files and folders that are there whole or not at all."""

from __future__ import annotations

import hashlib
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from napari_dip.errors import FileFormatError

# Of a name so much is kept: its suffix, and with what comes before it no disk's limit is reached.
_NAME_LENGTH = 40


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Give the name to write under, in the same folder; rename it once all went well."""
    partial = _hidden_name(path, "partial")
    try:
        yield partial
        _replace(partial, path)
    except OSError as error:
        raise _write_error(path, error) from error
    finally:
        _remove(partial)


def check_writable(path: Path) -> None:
    """Raise now if a file of this name could not be written after the work."""
    probe = _hidden_name(path, "partial")
    try:
        path.exists()  # is an error for a name that is too long
        probe.touch()
    except (OSError, ValueError) as error:
        raise _write_error(path, error) from error
    finally:
        with suppress(OSError, ValueError):
            probe.unlink(missing_ok=True)


def _hidden_name(path: Path, kind: str) -> Path:
    """Return a hidden name of the same format in the same folder, not too long for any disk."""
    return path.with_name(f".{kind}-{uuid.uuid4().hex}-{path.name[-_NAME_LENGTH:]}")


def _write_error(path: Path, error: OSError | ValueError) -> FileFormatError:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else error
    return FileFormatError(
        f"Got {reason} while writing {path}; expected a folder with enough space and the right "
        "to write, and a name that it can hold. Name another output."
    )


def files_of(path: Path) -> list[Path]:
    """Return a file itself, or all files of a folder in the same order everywhere."""
    if not path.is_dir():
        return [path]
    return sorted(file for file in path.rglob("*") if file.is_file())


def sha256_of(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of a file, or of the names and files of a folder, in hexadecimal."""
    path = Path(path)
    if path.is_dir():
        listing = "".join(
            f"{sha256_of(file)}  {file.relative_to(path).as_posix()}\n" for file in files_of(path)
        )
        return hashlib.sha256(listing.encode()).hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def flush(path: Path) -> None:
    """Have the disk hold what was written."""
    for each in files_of(path):
        with each.open("rb+") as file:
            os.fsync(file.fileno())


def _replace(partial: Path, path: Path) -> None:
    """Rename, over what is there; a folder is moved aside first, since none can be replaced."""
    if not path.is_dir():
        os.replace(partial, path)
        return
    old = _hidden_name(path, "old")
    os.rename(path, old)
    try:
        os.rename(partial, path)
    except OSError:
        os.rename(old, path)
        raise
    _remove(old)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
