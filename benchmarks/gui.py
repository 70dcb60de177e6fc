"""Measure the window during a run: pace, event-loop latency, first preview, memory.

    xvfb-run -a -s "-screen 0 1280x900x24" python -m benchmarks.gui [--size 512] [--iterations 100]
    xvfb-run ... python -m benchmarks.gui latency [--size 1024] [--planes 16] [--seconds 60]
    xvfb-run ... python -m benchmarks.gui preview [--size 1024]
    xvfb-run ... python -m benchmarks.gui memory [--size 256]

`pace`: each round fits once in a process without a window (the loop of the command line)
and once through the dock in a real window; the order alternates. The ratio is computed for
each round and for all rounds together.
`latency`: a timer fires every 5 ms during the first seconds of a run on a stack; its delay
is the time that a user would wait.
`preview`: the time from Run to the first frame with the estimate, for the first run of a
session, started five seconds after the dock was opened, and for later ones.
`memory`: the memory of the process before any run, after one, after ten more and after
twenty, each time with the dock closed and its results removed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

os.environ["XDG_CONFIG_HOME"] = tempfile.mkdtemp()  # the user's settings stay as they are

import numpy as np

from napari_dip import DipConfig

_TICK = 0.005
# Time before the first run, in which a user looks at the form [seconds].
_LOOK = 5.0


def observation(size: int) -> np.ndarray:
    """Return a noisy picture of size x size."""
    y, x = np.mgrid[:size, :size]
    clean = 1000 + 400 * np.sin(x / 17) * np.cos(y / 23)
    return np.random.default_rng(0).poisson(clean).astype(np.uint16)


def fit_without_window(size: int, iterations: int) -> np.ndarray:
    """Return seconds per iteration, mean and median, in a process of its own."""
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import gui;"
        "from napari_dip import restore; from napari_dip.api import finish;"
        "config = gui.configuration(int(sys.argv[3]));"
        "report = finish(restore(gui.observation(int(sys.argv[2])), config=config)).report;"
        "print(report.blocks[0].seconds / report.iterations, report.seconds_per_iteration)"
    )
    folder = __file__.rpartition("/")[0] or "."
    command = [sys.executable, "-c", code, folder, str(size), str(iterations)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return np.array(done.stdout.split(), dtype=float)


def configuration(iterations: int) -> DipConfig:
    """Return a run of fixed length."""
    return DipConfig(stop="none", max_iterations=iterations)


def fit_in_window(size: int, iterations: int) -> np.ndarray:
    """Return seconds per iteration, mean and median."""
    import napari
    from qtpy.QtCore import QEventLoop

    viewer = napari.Viewer()
    viewer.add_image(observation(size))
    _, dock = viewer.window.add_plugin_dock_widget("napari-dip", "Deep Image Prior")
    dock.config = configuration(iterations)
    loop, results = QEventLoop(), []
    dock.finished.connect(lambda layers: (results.extend(layers), loop.quit()))
    dock.failed.connect(lambda error: loop.quit())
    dock.run()
    loop.exec()
    report = results[0].metadata["napari_dip"]
    viewer.close()
    return np.array(
        [report["blocks"][0]["seconds"] / report["iterations"], report["seconds_per_iteration"]]
    )


def lateness(size: int, planes: int, seconds: float) -> np.ndarray:
    """Return the delay of each tick while a stack is restored [milliseconds]."""
    import napari
    from qtpy.QtCore import QEventLoop, Qt, QTimer

    viewer = napari.Viewer()
    viewer.add_image(np.stack([observation(size)] * planes), axis_labels=("z", "y", "x"))
    _, dock = viewer.window.add_plugin_dock_widget("napari-dip", "Deep Image Prior")
    loop, ticks = QEventLoop(), []
    timer = QTimer()
    timer.setTimerType(Qt.TimerType.PreciseTimer)
    timer.timeout.connect(lambda: ticks.append(time.perf_counter()))
    dock.finished.connect(lambda layers: loop.quit())
    dock.failed.connect(lambda error: loop.quit())
    QTimer.singleShot(int(1000 * _LOOK), loop.quit)
    loop.exec()
    timer.start(int(1000 * _TICK))
    QTimer.singleShot(int(1000 * seconds), dock.cancel)
    dock.run()
    loop.exec()
    timer.stop()
    viewer.close()
    return 1000 * (np.diff(ticks) - _TICK)


def time_to_preview(size: int, runs: int) -> dict[str, list[float]]:
    """Return the seconds from Run to the first preview: to its layer, to its frame, and of CPU."""
    import napari
    from qtpy.QtCore import QEventLoop, QTimer
    from qtpy.QtWidgets import QOpenGLWidget

    viewer = napari.Viewer()
    viewer.add_image(observation(size))
    _, dock = viewer.window.add_plugin_dock_widget("napari-dip", "Deep Image Prior")
    loop, seen = QEventLoop(), {}

    def see(what: str) -> None:
        if what == "layer" or "layer" in seen:
            seen.setdefault(what, time.perf_counter())
            if what == "frame":
                seen.setdefault("cpu", time.process_time())
        if "frame" in seen:
            dock.cancel()

    # The layer of a run is hidden until the first estimate.
    viewer.layers.events.inserted.connect(
        lambda event: event.value.events.visible.connect(lambda: see("layer"))
    )
    for surface in dock.window().findChildren(QOpenGLWidget):
        surface.frameSwapped.connect(lambda: see("frame"))
    dock.finished.connect(lambda layers: loop.quit())
    dock.failed.connect(lambda error: loop.quit())
    QTimer.singleShot(int(1000 * _LOOK), loop.quit)
    loop.exec()
    seconds: dict[str, list[float]] = {"layer": [], "frame": [], "cpu": []}
    for _ in range(runs):
        seen.clear()
        start, used = time.perf_counter(), time.process_time()
        dock.run()
        loop.exec()
        seconds["cpu"].append(round(seen["cpu"] - used, 2))
        for what in ("layer", "frame"):
            seconds[what].append(round(seen[what] - start, 2))
    viewer.close()
    return seconds


def memory_of_runs(size: int, iterations: int, runs: int = 10) -> dict[str, float]:
    """Return the resident memory of the process at four moments [MB]."""
    import gc

    import napari
    import psutil
    from qtpy.QtCore import QEventLoop
    from qtpy.QtWidgets import QApplication

    viewer = napari.Viewer()
    source = viewer.add_image(observation(size))
    loop = QEventLoop()

    def measure(count: int) -> float:
        if count:
            _, dock = viewer.window.add_plugin_dock_widget("napari-dip", "Deep Image Prior")
            dock.config = configuration(iterations)
            dock.finished.connect(lambda layers: loop.quit())
            for _ in range(count):
                dock.run()
                loop.exec()
            viewer.window.remove_dock_widget(dock)
            dock.deleteLater()
            del dock
            for layer in [one for one in viewer.layers if one is not source]:
                viewer.layers.remove(layer)
        for _ in range(5):
            QApplication.processEvents()
            gc.collect()
        return psutil.Process().memory_info().rss / 1e6

    held = {"before": round(measure(0), 1), "after_one": round(measure(1), 1)}
    for more in (runs, 2 * runs):
        held[f"after_{more}_more"] = round(measure(runs), 1)
    viewer.close()
    return held


def latency(size: int, planes: int, seconds: float) -> dict[str, object]:
    """Return percentiles of the delay of the ticks [milliseconds]."""
    waits = lateness(size, planes, seconds)
    points = {"p50": 50, "p99": 99, "max": 100}
    percentiles = {name: round(float(np.percentile(waits, at)), 1) for name, at in points.items()}
    return {"planes": planes, "latency_ms": percentiles, "ticks": waits.size}


def pace_ratios(size: int, iterations: int, rounds: int) -> dict[str, list[float]]:
    """Return the pace in the window over that without, for each round and for all together."""
    paces: dict[str, list[np.ndarray]] = {"without": [], "within": []}
    for number in range(rounds):
        for name in sorted(paces, reverse=number % 2 == 0):
            fit = fit_in_window if name == "within" else fit_without_window
            paces[name].append(fit(size, iterations))
            print(number, name, paces[name][-1].round(4), file=sys.stderr, flush=True)
    without, within = (np.array(paces[name]) for name in ("without", "within"))
    ratios = np.array([*without / within, without.sum(axis=0) / within.sum(axis=0)])
    return dict(zip(("mean", "median"), ratios.T.round(3).tolist(), strict=True))


def main() -> None:
    """Print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    modes = ("pace", "latency", "preview", "memory")
    parser.add_argument("what", nargs="?", choices=modes, default="pace")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--planes", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--iterations", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    measure = {
        "pace": lambda: pace_ratios(given.size, given.iterations, given.rounds),
        "latency": lambda: latency(given.size, given.planes, given.seconds),
        "preview": lambda: time_to_preview(given.size, 3),
        "memory": lambda: memory_of_runs(given.size, given.iterations),
    }[given.what]
    print(json.dumps({"what": given.what, "size": given.size, **measure()}))


if __name__ == "__main__":
    main()
