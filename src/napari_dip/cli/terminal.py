"""Console: what a run in a terminal shows and prints, and how Ctrl-C reaches it."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from cyclopts import CycloptsError
from pydantic import ValidationError

from napari_dip.cli.options import option
from napari_dip.config.messages import explain
from napari_dip.errors import UNEXPECTED, Hint, NapariDipError, UsageError, describe_error
from napari_dip.io.json_values import json_values
from napari_dip.logs import note

if TYPE_CHECKING:
    from types import FrameType

    from napari_dip.core.image.image import Image
    from napari_dip.core.restoration.progress import Follower, Progress

# A log file is read afterwards, so a line now and then is enough [seconds].
_LINE_INTERVAL = 10.0


def say(sentence: str, *, logged: bool = True) -> None:
    """Print one line on stderr, which leaves stdout to results, and log it.

    Nobody may be listening any more: a run goes on without.
    """
    if logged:
        note(sentence)
    with suppress(OSError):
        print(f"napari-dip: {sentence}", file=sys.stderr, flush=True)


def say_warnings(*images: Image) -> None:
    """Print the warnings of readers on stderr, for files that no report describes."""
    for image in images:
        for warning in image.warnings:
            say(f"warning: {image.source}: {warning}")


def print_result(values: Mapping[str, Any], as_json: bool) -> None:
    """Print named values on stdout: one line each, or as one JSON object."""
    if as_json:
        print(json.dumps(json_values(values)))
        return
    for name, value in values.items():
        print(f"{name:24} {_readable(value)}")


def _readable(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_readable(part)}" for name, part in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_readable, value)) or "none"
    if isinstance(value, float):
        return f"{value:.6g}"
    return "none" if value is None else str(value)


def explain_error(error: BaseException) -> tuple[str, int]:
    """Return a sentence for the user, and the exit code."""
    if isinstance(error, CycloptsError):
        cause = error.__cause__
        if isinstance(cause, ValidationError):
            return explain(cause, option), UsageError.exit_code
        return str(error), UsageError.exit_code
    sentence, code = describe_error(error)
    if isinstance(error, NapariDipError) and error.hints:
        sentence = f"{sentence} ({', '.join(map(_hint, error.hints))})"
    return f"{sentence} (--traceback shows more.)" if code == UNEXPECTED else sentence, code


def _hint(hint: Hint) -> str:
    return " ".join([option(hint.setting), hint.value]).rstrip()


@contextmanager
def interruption() -> Iterator[Callable[[], bool]]:
    """Turn the first Ctrl-C, SIGTERM or loss of the terminal into a request to stop.

    A second one aborts at once.

    Yields
    ------
    callable
        True once somebody asked to stop.
    """
    asked = threading.Event()

    def ask(number: int, frame: FrameType | None) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()
        # A handler may run inside a print, where another print would fail.
        with suppress(OSError):
            os.write(2, b"\nnapari-dip: stopping; once more to abort without a result\n")

    # Python hands signals to the main thread alone.
    main = threading.current_thread() is threading.main_thread()
    signals = [signal.SIGINT, signal.SIGTERM] if main else []
    # Windows has no such signal; nohup has it ignored.
    hangup = getattr(signal, "SIGHUP", None)
    if main and hangup is not None and signal.getsignal(hangup) != signal.SIG_IGN:
        signals.append(hangup)
    before = [signal.signal(number, ask) for number in signals]
    try:
        yield asked.is_set
    finally:
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, handler)


@contextmanager
def progress_display() -> Iterator[Follower]:
    """Show progress on stderr: a moving bar on a terminal, else a line now and then."""
    with _bar() if sys.stderr.isatty() else _lines() as follow:
        yield follow


@contextmanager
def _bar() -> Iterator[Follower]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[numbers]}"),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting", total=None, numbers="")

        def follow(progress: Progress) -> None:
            bar.update(
                task,
                description=_block(progress),
                completed=progress.iteration,
                total=progress.max_iterations,
                numbers=_numbers(progress),
            )

        yield follow


@contextmanager
def _lines() -> Iterator[Follower]:
    last = time.monotonic()

    def follow(progress: Progress) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _LINE_INTERVAL:
            last = now
            of = f"iteration {progress.iteration}/{progress.max_iterations}"
            say(f"{_block(progress)}, {of}, {_numbers(progress)}")

    yield follow


def _block(progress: Progress) -> str:
    return f"block {progress.block + 1}/{progress.blocks}"


def _numbers(progress: Progress) -> str:
    parts = [f"loss {progress.loss:.4g}"]
    if progress.heldout_error is not None:
        parts.append(f"held out {progress.heldout_error:.4g}")
    if progress.psnr is not None:
        parts.append(f"psnr {progress.psnr:.2f} dB")
    if progress.seconds_left is not None:
        parts.append(f"at most {_duration(progress.seconds_left)} left")
    return ", ".join(parts)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
