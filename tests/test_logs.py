"""Logs: a file for each run, whose words are ours."""

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
    """Return a function for the texts of all logs, the oldest first."""
    place = tmp_path / "logs"
    monkeypatch.setenv("NAPARI_DIP_LOGS", str(place))
    return lambda: [path.read_text() for path in sorted(place.glob("*.log"))]


def test_a_run_says_what_was_asked_for_by_whom_and_how_it_ended(folder, logged):  # noqa: F811
    assert cli.main(["denoise", "in/a.tif", "--config", "tiny.json", "--seed", "3"]) == 0
    (text,) = logged()
    for words in ("denoise in/a.tif", "--seed 3", "torch", "python", "4 iterations", "exit code 0"):
        assert words in text
    assert logging.getLogger("napari_dip").handlers == []


def test_an_error_of_ours_is_logged_in_words(folder, logged, capsys):  # noqa: F811
    assert cli.main(["denoise", "absent.tif"]) == 3
    (text,) = logged()
    assert "absent.tif" in text
    assert "its log" not in capsys.readouterr().err


# Not as one word in the source, whose lines a trace shows.
QUOTED = ["Doe^Jane"[::1], f"born {1900 + 70}"]


def fail(*args, **options):
    try:
        raise KeyError(QUOTED[0])
    except KeyError as error:
        raise ValueError(" ".join(QUOTED)) from error


def test_an_unexpected_error_is_logged_without_what_it_quotes(
    folder,  # noqa: F811
    logged,
    monkeypatch,
    capsys,
):
    monkeypatch.setattr(outputs, "written_to", fail)
    assert cli.main(["denoise", "in/a.tif", "--config", "tiny.json"]) == 1
    (text,) = logged()
    assert f"{info.log_folder()}" in capsys.readouterr().err
    assert "builtins.ValueError" in text
    assert "builtins.KeyError" in text
    assert "in fail" in text
    assert not any(words in text for words in QUOTED)


def test_a_batch_logs_where_a_file_failed_without_what_it_quotes(
    call,  # noqa: F811
    folder,  # noqa: F811
    logged,
    monkeypatch,
):
    monkeypatch.setattr(jobs, "written_to", fail)
    assert call("in")[0] == 1
    (text,) = logged()
    assert text.count("builtins.ValueError") == 3
    assert not any(words in text for words in QUOTED)


@pytest.mark.parametrize("words", [["info"], ["denoise", "--help"], ["--version"]])
def test_what_restores_nothing_has_no_log_of_its_own(words, logged, capsys):
    cli.main(words)
    assert logged() == []


def test_the_latest_logs_are_kept_and_a_long_one_is_turned(logged, monkeypatch):
    monkeypatch.setattr(logs, "_RUNS", 3)
    monkeypatch.setattr(logs, "_LARGEST", 2000)
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


def test_no_place_for_logs_ends_no_run_and_is_told(folder, monkeypatch):  # noqa: F811
    (folder / "file").write_text("")
    monkeypatch.setenv("NAPARI_DIP_LOGS", str(folder / "file" / "logs"))
    assert cli.main(["denoise", "in/a.tif", "--config", "tiny.json"]) == 0
    (sentence,) = [text for text in info.describe_machine()["wrong"] if "log" in text]
    assert "set NAPARI_DIP_LOGS" in sentence


def test_what_is_in_the_way_is_told_with_what_to_do(monkeypatch):
    monkeypatch.setattr(info, "_LITTLE_MEMORY", 1e30)
    monkeypatch.setattr(info, "_LITTLE_SPACE", 1e30)
    monkeypatch.setattr(info, "which", lambda name: name)
    monkeypatch.setattr(info.torch.version, "cuda", None)
    monkeypatch.setattr(info, "_installed", {"PyQt6": "6", "PySide6": "6"}.get)
    found = info._wrong(info.torch.device("cpu"), {"PyQt6": "6.11", "PySide6": "6.11"})
    assert [text for text in found if ":" in text] == found
    assert len(found) == 4
