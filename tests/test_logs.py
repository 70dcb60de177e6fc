"""Log files of runs."""

from __future__ import annotations

import logging

import pytest

from napari_dip import diagnostics as info
from napari_dip import logs
from napari_dip.batch import jobs
from napari_dip.cli import main as cli
from napari_dip.io import results as outputs
from tests.batch.conftest import call, folder, save_noisy  # noqa: F401


@pytest.fixture
def logged(tmp_path, monkeypatch):
    """Return a function that returns the texts of all logs, the oldest first."""
    place = tmp_path / "logs"
    monkeypatch.setenv("NAPARI_DIP_LOGS", str(place))
    return lambda: [path.read_text() for path in sorted(place.glob("*.log"))]


def test_log_has_command_versions_and_end_of_a_run(folder, logged):  # noqa: F811
    assert cli.main(["denoise", "in/a.tif", "--config", "tiny.json", "--seed", "3"]) == 0
    (text,) = logged()
    for words in ("denoise in/a.tif", "--seed 3", "torch", "python", "4 iterations", "exit code 0"):
        assert words in text
    assert logging.getLogger("napari_dip").handlers == []


def test_log_has_the_message_of_our_errors(folder, logged, capsys):  # noqa: F811
    assert cli.main(["denoise", "absent.tif"]) == 3
    (text,) = logged()
    assert "absent.tif" in text
    assert "its log" not in capsys.readouterr().err


# Computed, because a traceback shows the source lines.
QUOTED = ["Doe^Jane"[::1], f"born {1900 + 70}"]


def fail(*args, **options):
    try:
        raise KeyError(QUOTED[0])
    except KeyError as error:
        raise ValueError(" ".join(QUOTED)) from error


def test_log_has_the_traceback_but_not_the_message_of_an_error(
    folder,  # noqa: F811
    logged,
    monkeypatch,
    capsys,
):
    monkeypatch.setattr(outputs, "open_output", fail)
    assert cli.main(["denoise", "in/a.tif", "--config", "tiny.json"]) == 1
    (text,) = logged()
    assert f"{info.log_folder()}" in capsys.readouterr().err
    assert "builtins.ValueError" in text
    assert "builtins.KeyError" in text
    assert "in fail" in text
    assert not any(words in text for words in QUOTED)


def test_batch_log_has_the_traceback_but_not_the_message_of_an_error(
    call,  # noqa: F811
    folder,  # noqa: F811
    logged,
    monkeypatch,
):
    monkeypatch.setattr(jobs, "open_output", fail)
    assert call("in")[0] == 1
    (text,) = logged()
    assert text.count("builtins.ValueError") == 3
    assert not any(words in text for words in QUOTED)


@pytest.mark.parametrize("words", [["info"], ["denoise", "--help"], ["--version"]])
def test_commands_that_restore_nothing_write_no_log(words, logged, capsys):
    cli.main(words)
    assert logged() == []


def test_keeps_the_latest_logs_and_limits_their_size(logged, monkeypatch):
    monkeypatch.setattr(logs, "_MAX_RUNS", 3)
    monkeypatch.setattr(logs, "_MAX_BYTES", 2000)
    for number in range(6):
        (logs.log_folder() / f"2020-01-01T00-00-0{number}_1.log").parent.mkdir(exist_ok=True)
        (logs.log_folder() / f"2020-01-01T00-00-0{number}_1.log").write_text(str(number))
    with logs.log_of_run(["denoise"]) as log:
        for number in range(200):
            logs.note(f"line {number} " + 20 * "-")
    assert logged()[:2] == ["4", "5"]
    assert "line 199 " in log.read_text()
    assert "line 0 " not in log.read_text()
    assert log.stat().st_size <= 2000


def test_unwritable_log_folder_is_reported_and_ends_no_run(folder, monkeypatch):  # noqa: F811
    (folder / "file").write_text("")
    monkeypatch.setenv("NAPARI_DIP_LOGS", str(folder / "file" / "logs"))
    assert cli.main(["denoise", "in/a.tif", "--config", "tiny.json"]) == 0
    (sentence,) = [text for text in info.describe_machine()["wrong"] if "log" in text]
    assert "set NAPARI_DIP_LOGS" in sentence


def test_reports_problems_with_their_solutions(monkeypatch):
    monkeypatch.setattr(info, "_MIN_MEMORY", 1e30)
    monkeypatch.setattr(info, "_MIN_DISK_SPACE", 1e30)
    monkeypatch.setattr(info, "which", lambda name: name)
    monkeypatch.setattr(info.torch.version, "cuda", None)
    monkeypatch.setattr(info, "_version", {"PyQt6": "6", "PySide6": "6"}.get)
    found = info._problems(info.torch.device("cpu"), {"PyQt6": "6.11", "PySide6": "6.11"})
    assert [text for text in found if ":" in text] == found
    assert len(found) == 4


def test_a_late_record_does_not_open_the_log_again(logged):
    with logs.log_of_run(["test"]):
        (handler,) = logging.getLogger("napari_dip").handlers
    handler.handle(logging.makeLogRecord({"msg": "late"}))
    assert handler.stream is None
    (text,) = logged()
    assert "late" not in text
