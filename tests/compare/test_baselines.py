from __future__ import annotations

from typing import get_args

from napari_dip.compare import baselines
from napari_dip.compare.baselines import BASELINES, available_baselines, missing_baselines
from napari_dip.config import BatchTask
from napari_dip.core.tasks import (
    TASKS,
)


def test_every_comparable_task_has_a_baseline():
    named = {task for baseline in BASELINES for task in baseline.tasks}
    assert named <= set(TASKS)
    assert named == set(get_args(BatchTask))


def test_missing_baselines_have_install_commands(monkeypatch):
    monkeypatch.setattr(baselines, "installed", lambda library: False)
    shown, sentences = available_baselines("denoise"), missing_baselines("denoise")
    assert {baseline.library for baseline in shown} == {None}
    assert len(shown) + len(sentences) == len([b for b in BASELINES if "denoise" in b.tasks])
    assert all('pip install "napari-dip[compare]"' in sentence for sentence in sentences)
    assert missing_baselines("inpaint") == []
