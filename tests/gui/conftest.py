"""Fixtures of the GUI tests: X server, new settings, and a `restore` that the test controls."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from threading import Event, Semaphore
from typing import Any

# Before the first import of napari or Qt: keep the settings of the user unchanged, make
# a widget that outlives its viewer an error, and avoid the offscreen platform, which
# has no OpenGL.
os.environ["NAPARI_CONFIG"] = str(Path(tempfile.mkdtemp()) / "settings.yaml")
os.environ["NAPARI_STRICT_QT"] = "raise"
if os.environ.get("DISPLAY"):
    os.environ["QT_QPA_PLATFORM"] = "xcb"

import numpy as np
import pytest

from napari_dip.config import DipConfig
from napari_dip.core.blocks.plan import Block, nearest_first, plan_blocks
from napari_dip.core.image.image import Image
from napari_dip.core.records import BlockRecord, InputRecord, NoiseRecord, Report
from napari_dip.core.restoration.progress import Progress, Restoration

_TIMEOUT = 20


def pytest_collection_modifyitems(items):
    if sys.platform == "linux" and not os.environ.get("DISPLAY"):
        here = Path(__file__).parent
        reason = "no X server: xvfb-run -a pytest"
        for item in items:
            if here in item.path.parents:
                item.add_marker(pytest.mark.skip(reason=reason))


def make_report(
    image: Image, config: DipConfig, iterations: int, reason: str, blocks: int = 1
) -> Report:
    fit = {"iterations": iterations, "selected_iteration": iterations, "stop_reason": reason}
    records = [BlockRecord(index=index, seconds=1.0, **fit) for index in range(blocks)]
    noise = NoiseRecord(model="gaussian", sigma=1.0)
    return Report(
        schema=1,
        task="denoise",
        input=InputRecord(
            shape=image.shape,
            dtype=image.dtype.name,
            axes=image.axes,
            voxel_size=dict(image.voxel_size),
            units=dict(image.units),
        ),
        config=config,
        seed=config.seed,
        device="cpu",
        precision="float32",
        parameters=1,
        blocks=tuple(records),
        iterations=iterations,
        selected_iteration=iterations,
        stop_reason=reason,
        seconds=1.0,
        seconds_per_iteration=1.0,
        peak_memory_bytes=1,
        noise=noise,
        noise_by_channel=(noise,),
        diagnostics={},
        versions={},
    )


class FakeRestore:
    """Stands for `restore`: iteration k estimates the value k everywhere.

    It waits for `step` before each iteration, unless `free`.
    """

    def __init__(self) -> None:
        self.iterations = 3
        self.free = False
        self.error: Exception | None = None
        self.calls = 0
        self.reached = 0
        self.last = 0
        self.checkpoints: dict[int, list[object]] | None = None  # {}: the run can continue
        self.closed = Event()
        self.image: Image | None = None
        self.task: Any = None
        self._allowed = Semaphore(0)

    def step(self, count: int = 1) -> None:
        for _ in range(count):
            self._allowed.release()

    def __call__(
        self,
        image: Image,
        task: object,
        config: DipConfig,
        *,
        reference: object = None,
        stop_requested: Callable[[], bool] = lambda: False,
        keep_state: bool = False,
        continue_from: Restoration | None = None,
        start_at: Mapping[str, int] | None = None,
    ) -> Generator[Progress, None, Restoration]:
        self.calls += 1
        self.image, self.task = image, task
        result = np.array(image.data, dtype=np.float32)
        config = config or continue_from.report.config
        before = 0 if continue_from is None else continue_from.report.iterations
        plan = nearest_first(plan_blocks(image, config.channels), image.axes, start_at or {})
        try:
            for block in plan:
                for iteration in range(before + 1, before + self.iterations + 1):
                    while not (self.free or self._allowed.acquire(timeout=0.005)):
                        if stop_requested():
                            return self._end(image, config, result, "stop_requested", block)
                    if self.error is not None:
                        raise self.error
                    self.reached += 1
                    self.last = iteration
                    result[block.selection] = iteration
                    yield self._progress(block, len(plan), iteration, result[block.selection])
                    if stop_requested():
                        return self._end(image, config, result, "stop_requested", block)
            return self._end(
                image, config, result, "held_out_minimum", max(plan, key=lambda one: one.index)
            )
        finally:
            self.closed.set()

    def _progress(self, block: Block, count: int, iteration: int, estimate: np.ndarray) -> Progress:
        return Progress(
            block=block.index,
            blocks=count,
            selection=block.selection,
            iteration=iteration,
            max_iterations=self.iterations,
            seconds=float(iteration),
            iterations_left=0,
            seconds_left=float(self.iterations - iteration),
            loss=10.0 / iteration,
            heldout_error=12.0 / iteration,
            selected_iteration=iteration,
            estimate=estimate.copy(),
        )

    def _end(
        self,
        image: Image,
        config: DipConfig,
        result: np.ndarray,
        reason: str,
        block: Block,
    ) -> Restoration:
        report = make_report(image, config, self.last, reason, block.index + 1)
        run_std = np.ones_like(result) if config.runs > 1 else None
        return Restoration(image.with_data(result), report, run_std, checkpoints=self.checkpoints)


def delete(widget, qtbot):
    """Delete a widget that napari left to Python, and wait until it is gone.

    Not by `waitSignal`: PySide fails to disconnect from what has been destroyed.
    """
    gone = []
    widget.destroyed.connect(lambda: gone.append(True))
    widget.deleteLater()
    qtbot.waitUntil(lambda: bool(gone))


@pytest.fixture
def viewer(make_napari_viewer):
    return make_napari_viewer()


@pytest.fixture
def dock(viewer):
    """Return the dock, opened as napari's Plugins menu opens it."""
    _, widget = viewer.window.add_plugin_dock_widget("napari-dip", "Deep Image Prior")
    return widget


@pytest.fixture
def fake_restore(monkeypatch):
    """Replace `restore`, and send every progress."""
    from napari_dip.gui.run import worker

    fake = FakeRestore()
    monkeypatch.setattr(worker, "restore", fake)
    monkeypatch.setattr(worker, "INTERVAL", 0.0)
    return fake


@pytest.fixture(autouse=True)
def remembered(monkeypatch, tmp_path):
    """Return a temporary settings file, which replaces that of the user."""
    file = tmp_path / "remembered" / "settings.json"
    for module in ("session.settings", "session.export_code", "form.cost_label"):
        monkeypatch.setattr(f"napari_dip.gui.{module}.remembered_file", lambda: file)
    return file


@pytest.fixture(autouse=True)
def _no_thread_outlives_its_test():
    yield
    from superqt.utils import GeneratorWorker

    GeneratorWorker.await_workers(_TIMEOUT * 1000)
