"""Exceptions, their exit codes and their sentences for the user."""

from __future__ import annotations

import pytest

from napari_dip import errors
from napari_dip.errors import Hint, InputError, NapariDipError, describe_error, first_line


@pytest.mark.parametrize(
    ("error", "built_in", "exit_code"),
    [
        (errors.UsageError, ValueError, 2),
        (errors.OutputExistsError, FileExistsError, 2),
        (errors.InputError, ValueError, 3),
        (errors.AxesError, ValueError, 3),
        (errors.FileFormatError, ValueError, 3),
        (errors.DeviceError, NapariDipError, 4),
        (errors.MemoryExhaustedError, MemoryError, 4),
        (errors.DivergedError, ArithmeticError, 5),
    ],
)
def test_error_has_built_in_base_and_exit_code(error, built_in, exit_code):
    assert issubclass(error, NapariDipError)
    assert issubclass(error, built_in)
    # Generator workers of Qt swallow a RuntimeError.
    assert not issubclass(error, RuntimeError)
    assert describe_error(error("Got 1; expected 2.")) == ("Got 1; expected 2.", exit_code)


def test_error_keeps_its_hints_apart_from_the_message():
    error = InputError("Got 1; expected 2.", Hint("axes", "ZYX"), Hint("overwrite"))
    assert error.hints == (Hint("axes", "ZYX"), Hint("overwrite", ""))
    assert str(error) == "Got 1; expected 2."


@pytest.mark.parametrize(
    ("error", "word", "exit_code"),
    [
        (KeyboardInterrupt(), "interrupted", 130),
        (OSError("disk is gone"), "disk is gone", 3),
        (MemoryError(), "Out of memory", 4),
        (KeyError("a"), "Unexpected KeyError", 1),
    ],
    ids=lambda value: type(value).__name__,
)
def test_other_exceptions_get_a_sentence_and_an_exit_code(error, word, exit_code):
    sentence, code = describe_error(error)
    assert word in sentence
    assert code == exit_code


def test_first_line_names_the_class_of_an_error_without_message():
    assert first_line(ValueError("one\ntwo")) == "one"
    assert first_line(MemoryError()) == "MemoryError"
