"""Every error this package raises on purpose.

Each message says what was got, what was expected and what to do. The second
base lets callers catch the built-in they would expect. None derives from
`RuntimeError`: Qt generator workers swallow that one.

```
NapariDipError
├── UsageError(ValueError)          options that contradict each other      exit 2
│   └── OutputExistsError           the output is there already             exit 2
├── InputError(ValueError)          the data cannot be restored as given    exit 3
│   ├── AxesError                   the axes do not fit the array           exit 3
│   └── FileFormatError             the file cannot be read or written      exit 3
├── DeviceError                     the device is missing or failed         exit 4
│   └── MemoryExhaustedError        the device or machine ran out of memory exit 4
└── DivergedError                   the fit left the finite numbers         exit 5
```
"""

from __future__ import annotations

from typing import ClassVar, NamedTuple


class Hint(NamedTuple):
    """A setting that helps; each front end writes it in its own words.

    Attributes
    ----------
    setting : str
        Name of a field of the configuration, of a parameter of a task, or of an option.
    value : str
        Value to try; "" where that is the user's choice.
    """

    setting: str
    value: str = ""


class NapariDipError(Exception):
    """Base of all errors of this package; `exit_code` is the command line's.

    Parameters
    ----------
    message : str
        What was got, what was expected and what to do, in words of no front end.
    *hints : Hint
        Settings that help.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str = "", *hints: Hint) -> None:
        super().__init__(message)
        self.hints = hints


class UsageError(NapariDipError, ValueError):
    """Options that cannot be used together or do not exist."""

    exit_code = 2


class OutputExistsError(UsageError, FileExistsError):
    """The output exists and overwriting was not asked for."""


class InputError(NapariDipError, ValueError):
    """The data cannot be restored as given."""

    exit_code = 3


class AxesError(InputError):
    """The axes do not fit the array."""


class FileFormatError(InputError):
    """The file cannot be read or written."""


class DeviceError(NapariDipError):
    """The device is not there or failed."""

    exit_code = 4


class MemoryExhaustedError(DeviceError, MemoryError):
    """The device or the machine ran out of memory."""


class DivergedError(NapariDipError, ArithmeticError):
    """The fit left the finite numbers and could not be brought back."""

    exit_code = 5


# Exit codes of an error of any other class, and of Ctrl-C.
UNEXPECTED, INTERRUPTED = 1, 130


def describe_error(error: BaseException) -> tuple[str, int]:
    """Return a sentence for the user, and the exit code of the command line.

    Examples
    --------
    >>> describe_error(MemoryError())
    ('Out of memory; use a smaller image or preset.', 4)
    """
    match error:
        case NapariDipError():
            return str(error), error.exit_code
        case KeyboardInterrupt():
            return "interrupted before there was a result", INTERRUPTED
        case OSError():
            return f"A file cannot be read or written: {error}.", InputError.exit_code
        case MemoryError():
            return "Out of memory; use a smaller image or preset.", DeviceError.exit_code
        case _:
            return f"Unexpected {type(error).__name__}: {error}.", UNEXPECTED
