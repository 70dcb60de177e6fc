"""Exceptions of this package and the exit codes of the command line.

Each message states what was got, what was expected and what to do. The second
base class lets callers catch the matching built-in exception. No class derives
from `RuntimeError`, because Qt generator workers swallow it.

```
NapariDipError
├── UsageError(ValueError)          options that cannot be used together    exit 2
│   └── OutputExistsError           the output exists                       exit 2
├── InputError(ValueError)          the data cannot be restored as given    exit 3
│   ├── AxesError                   the axes do not match the array         exit 3
│   └── FileFormatError             the file cannot be read or written      exit 3
├── DeviceError                     the device is missing or fails          exit 4
│   └── MemoryExhaustedError        device or machine is out of memory      exit 4
└── DivergedError                   the fit gave NaN or infinite values     exit 5
```
"""

from __future__ import annotations

from typing import ClassVar, NamedTuple


class Hint(NamedTuple):
    """A setting that solves the problem; each front end names it in its own words.

    Attributes
    ----------
    setting : str
        Name of a field of the configuration, a parameter of a task, or an option.
    value : str
        Value to try; "" if the user has to choose it.
    """

    setting: str
    value: str = ""


class NapariDipError(Exception):
    """Base class of all exceptions of this package; `exit_code` is that of the command line.

    Parameters
    ----------
    message : str
        What was got, what was expected and what to do, without names of options or buttons.
    *hints : Hint
        Settings that solve the problem.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str = "", *hints: Hint) -> None:
        super().__init__(message)
        self.hints = hints


class UsageError(NapariDipError, ValueError):
    """Options do not exist or cannot be used together."""

    exit_code = 2


class OutputExistsError(UsageError, FileExistsError):
    """The output exists and overwriting is not allowed."""


class InputError(NapariDipError, ValueError):
    """The data cannot be restored as given."""

    exit_code = 3


class AxesError(InputError):
    """The axes do not match the array."""


class FileFormatError(InputError):
    """The file cannot be read or written."""


class DeviceError(NapariDipError):
    """The device is missing or fails."""

    exit_code = 4


class MemoryExhaustedError(DeviceError, MemoryError):
    """The device or the machine is out of memory."""


class DivergedError(NapariDipError, ArithmeticError):
    """The fit gave NaN or infinite values and could not recover."""

    exit_code = 5


# Exit codes of any other exception, and of Ctrl-C.
UNEXPECTED, INTERRUPTED = 1, 130


def describe_error(error: BaseException) -> tuple[str, int]:
    """Return a sentence for the user and the exit code of the command line.

    Examples
    --------
    >>> describe_error(MemoryError())
    ('Out of memory; use a smaller image or preset.', 4)
    """
    match error:
        case NapariDipError():
            return str(error), error.exit_code
        case KeyboardInterrupt():
            return "interrupted before a result existed", INTERRUPTED
        case OSError():
            return f"A file cannot be read or written: {error}.", InputError.exit_code
        case MemoryError():
            return "Out of memory; use a smaller image or preset.", DeviceError.exit_code
        case _:
            return f"Unexpected {type(error).__name__}: {error}.", UNEXPECTED


def first_line(error: BaseException) -> str:
    """Return the first line of the message of an error, or its class without a message."""
    return str(error).splitlines()[0] if str(error) else type(error).__name__
