"""Atomic writing of files and folders, and their checksums."""

from __future__ import annotations

import hashlib
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from napari_dip.errors import FileFormatError

# Number of characters of a file name kept in a hidden name: its suffix, and short for any disk.
_NAME_LENGTH = 40


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a hidden name in the same folder to write to, and rename it to `path` on success."""
    partial = _hidden_name(path, "partial")
    try:
        yield partial
        _replace(partial, path)
    except OSError as error:
        raise _write_error(path, error) from error
    finally:
        _remove(partial)


def check_writable(path: Path) -> None:
    """Raise an error if a file of this name cannot be written."""
    probe = _hidden_name(path, "partial")
    try:
        path.exists()  # raises an error if the name is too long
        probe.touch()
    except (OSError, ValueError) as error:
        raise _write_error(path, error) from error
    finally:
        with suppress(OSError, ValueError):
            probe.unlink(missing_ok=True)


def _hidden_name(path: Path, kind: str) -> Path:
    """Return a hidden name in the same folder, with the same suffix and of a valid length."""
    return path.with_name(f".{kind}-{uuid.uuid4().hex}-{path.name[-_NAME_LENGTH:]}")


def _write_error(path: Path, error: OSError | ValueError) -> FileFormatError:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else error
    return FileFormatError(
        f"Got '{reason}' while writing {path}; expected a valid file name and a writable folder "
        "with enough space. Choose another output."
    )


def files_of(path: Path) -> list[Path]:
    """Return a file as a list, or all files in a folder and its subfolders, sorted."""
    if not path.is_dir():
        return [path]
    return sorted(file for file in path.rglob("*") if file.is_file())


def sha256_of(path: str | os.PathLike[str]) -> str:
    """Return the hexadecimal SHA-256 of a file, or of all file names and files in a folder."""
    path = Path(path)
    if path.is_dir():
        listing = "".join(
            f"{sha256_of(file)}  {file.relative_to(path).as_posix()}\n" for file in files_of(path)
        )
        return hashlib.sha256(listing.encode()).hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def flush(path: Path) -> None:
    """Write the buffers of a file, or of all files in a folder, to the disk."""
    for file in files_of(path):
        with file.open("rb+") as handle:
            os.fsync(handle.fileno())


def _replace(partial: Path, path: Path) -> None:
    """Rename, replacing an existing file or folder; an old folder is first moved aside."""
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
