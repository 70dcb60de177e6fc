"""How late the window is during a run, and how soon the first answer is there.

    xvfb-run -a -s "-screen 0 1280x900x24" python -m benchmarks.lateness
             [--before FOLDER_OF_EARLIER_SOURCE] [--size 1024] [--rounds 2] [--seconds 20]

A timer fires every 10 ms in a real window. Its lateness is the time that a user would wait for
a reaction; a moment in which it does not fire counts once for each firing that it missed.
`run`: a denoising with default settings, from Run until it is cancelled after some seconds.
`slider`: the slider of the strength moves by a step every 0.1 s, with the preview in the view.
`first`: time from Run until the first estimate is painted.
Each round starts a process for each source, in alternating order. On a machine that does other
work the timer also waits for a core; Linux counts that time, and "own" is what is left. Seconds
are left out if the window waited for a core for a tenth of the time.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
from benchmarks.report import Place, store

PLACE = Place(
    "docs/performance.md",
    "What to expect on a laptop",
    "Lateness of a timer in the window [ms] with an image of 1024 x 1024 pixels, two cores, one "
    "thread for the fit, and graphics computed by the processor. Moments in which the machine gave "
    "no core to the window are left out. *Before* is earlier source. Seconds until the first "
    "estimate is painted, those of the first run in brackets, unless the machine was busy:",
)
_TICK = 0.01
# Share of the time without a core from which on seconds say nothing about the program.
_BUSY = 0.1
# Time before the first run, in which a user looks at the form [seconds].
_LOOK = 5.0


def observation(size: int) -> np.ndarray:
    """Return a picture with photon noise."""
    y, x = np.mgrid[:size, :size]
    clean = 100 + 40 * np.sin(x / 17) * np.cos(y / 23)
    return np.random.default_rng(0).poisson(clean).astype(np.uint16)


class Clock:
    """Times of the ticks, and the time that the thread waited for a core until each [seconds]."""

    def __init__(self) -> None:
        self._file = open("/proc/thread-self/schedstat", "rb", buffering=0)
        self.ticks: list[tuple[float, float]] = []

    def tick(self) -> None:
        self._file.seek(0)
        self.ticks.append((time.perf_counter(), int(self._file.read().split()[1]) / 1e9))

    def waits(self) -> tuple[list[float], list[float]]:
        """Return the lateness of each firing that was due, all and own [milliseconds]."""
        ticks, waited = np.array(self.ticks).T
        gaps, queued = np.diff(ticks), np.diff(waited)
        found = []
        for late in (gaps - _TICK, gaps - _TICK - queued):
            missed = [np.arange(one, 0, -_TICK) if one > 0 else [0.0] for one in late]
            found.append([round(1000 * float(one), 2) for gap in missed for one in gap])
        return found[0], found[1]

    def share_waited(self) -> float:
        """Return the share of the time in which the thread waited for a core."""
        (start, before), *_, (end, after) = self.ticks
        return (after - before) / (end - start)


def measure(size: int, seconds: float) -> dict[str, object]:
    """Return lateness [ms] and times to the first painted estimate [s] in this process."""
    os.environ["XDG_CONFIG_HOME"] = tempfile.mkdtemp()  # the user's settings stay as they are
    import napari
    from qtpy.QtCore import QEventLoop, Qt, QTimer
    from qtpy.QtWidgets import QOpenGLWidget, QSlider

    from napari_dip.gui.results.preview.preview import Preview

    viewer = napari.Viewer()
    viewer.window.resize(1180, 820)
    viewer.add_image(observation(size))
    _, dock = viewer.window.add_plugin_dock_widget("napari-dip", "Deep Image Prior")
    loop, timer, first = QEventLoop(), QTimer(), {}

    def wait(time_: float) -> None:
        QTimer.singleShot(int(1000 * time_), loop.quit)
        loop.exec()

    draw = Preview.draw

    def drawn(preview: Preview, progress: object) -> object:
        shown = draw(preview, progress)
        first.setdefault("answer", time.perf_counter())
        return shown

    def painted() -> None:
        if "answer" in first:
            first.setdefault("painted", time.perf_counter())

    Preview.draw = drawn
    for surface in dock.window().findChildren(QOpenGLWidget):
        surface.frameSwapped.connect(painted)
    dock.finished.connect(lambda layers: (first.setdefault("ended", True), loop.quit()))
    timer.setTimerType(Qt.TimerType.PreciseTimer)
    result: dict[str, object] = {}
    wait(_LOOK)
    times = []
    for length in (2.0, seconds):  # the first run imports and warms up
        clock = Clock()
        first.clear()
        connection = timer.timeout.connect(clock.tick)
        timer.start(int(1000 * _TICK))
        start = time.perf_counter()
        dock.run()
        wait(length)
        while "painted" not in first:
            wait(0.2)
        timer.stop()
        timer.timeout.disconnect(connection)
        if "ended" not in first:
            dock.cancel()
            loop.exec()
        times.append(first["painted"] - start)
    result["run"], result["first"] = clock.waits(), times
    result["share waited"] = clock.share_waited()
    clock, slider = Clock(), dock.findChild(QSlider, "strength")
    steps = iter(range(10**6))
    mover = QTimer()
    mover.timeout.connect(lambda: slider.setValue(round(18 * np.sin((next(steps) + 1) / 6)) or 1))
    slider.setValue(1)
    wait(1.0)
    timer.timeout.connect(clock.tick)
    timer.start(int(1000 * _TICK))
    mover.start(100)
    wait(min(seconds, 10.0))
    mover.stop()
    timer.stop()
    result["slider"] = clock.waits()
    viewer.close()
    return result


def in_process(source: Path, size: int, seconds: float) -> dict[str, list]:
    """Measure in a new process with the package of a source folder."""
    root = Path(__file__).parents[1]
    paths = os.pathsep.join([str(source), str(root)])
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.lateness", "--measure"]
    command += ["--size", str(size), "--seconds", str(seconds)]
    environment = {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True, env=environment, cwd=root
    )
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Measure, print and store the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--before", type=Path)
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--measure", action="store_true")
    given = parser.parse_args()
    if given.measure:
        print(json.dumps(measure(given.size, given.seconds)))
        return
    sources = {"now": Path(__file__).parents[1] / "src"}
    if given.before:
        sources = {"before": given.before, **sources}
    found: dict[str, dict[str, list]] = {name: defaultdict(list) for name in sources}
    for number in range(given.rounds):
        for name in sorted(sources, reverse=number % 2 == 1):
            one = in_process(sources[name], given.size, given.seconds)
            for what in ("run", "slider"):
                found[name][what] += one[what][1]
                found[name][f"{what} all"] += one[what][0]
            found[name]["first"].append(one["first"])
            found[name]["share waited"].append(one["share waited"])
            print(number, name, one["first"], os.getloadavg(), file=sys.stderr, flush=True)
    rows = []
    for what in ("run", "slider"):
        for name in sources:
            own, everything = found[name][what], found[name][f"{what} all"]
            p50, p99, most = np.percentile(own, [50, 99, 100])
            first, later = np.median(found[name]["first"], axis=0)
            idle = what == "run" and max(found[name]["share waited"]) < _BUSY
            rows.append(
                {
                    "while": {"run": "an image is denoised", "slider": "the slider moves"}[what],
                    "source": name,
                    "p50": float(p50),
                    "p99": float(p99),
                    "longest": float(most),
                    "p99 with waits for a core": float(np.percentile(everything, 99)),
                    "seconds to the first": f"{later:.2f} ({first:.2f})" if idle else "",
                }
            )
    for row in rows:
        print(json.dumps(row))
    store("lateness", rows, "python -m benchmarks.lateness --before FOLDER", PLACE)


if __name__ == "__main__":
    main()
