"""Faults: batches whose workers, scheduler or own process are killed at random moments.

    python -m benchmarks.faults [ROUNDS] [SEED]

Each round restores six tiny files on two workers while a process is killed (SIGKILL),
then resumes the batch in this process. Prints, for each kind of process, the numbers of
rounds, of killed processes and of files that were finished by then. The numbers of results
that were made again, or that differ from those of an undisturbed batch, must be 0.
"""

from __future__ import annotations

import contextlib
import io as text
import random
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import tifffile

from napari_dip.batch import distributed as workers
from napari_dip.batch.manifest import Manifest
from napari_dip.cli import main as cli
from napari_dip.io import images as io
from tests.cluster import FORKS, cluster, serve_batch, start_forks
from tests.tiny import noisy_waves, tiny_config

FILES = 6
COMMAND = "import sys; from napari_dip.cli.main import main; sys.exit(main())"
WORKER_CALLS, SCHEDULER_CALLS, SECONDS = 100_000, 80_000, 12.0


def batch(folder: Path, out: str, *words: str) -> list[str]:
    paths = (str(folder / name) for name in ("in", "tiny.json", out))
    images, config, output = paths
    return ["batch", images, "--config", config, "-o", output, *words]


def quietly(words: list[str]) -> int:
    with contextlib.redirect_stdout(text.StringIO()), contextlib.redirect_stderr(text.StringIO()):
        return cli.main(words)


def pixels(out: Path) -> dict[str, bytes]:
    paths = [path for path in out.iterdir() if io.is_image(path)]
    return {path.name: np.asarray(io.read_image(path).data).tobytes() for path in paths}


def done(out: Path) -> dict[str, int]:
    known = Manifest(out).read().values() if out.is_dir() else []
    return {r.output: (out / r.output).stat().st_mtime_ns for r in known if not r.error}


def kill_workers(random: random.Random, folder: Path) -> int:
    moments = [random.randrange(WORKER_CALLS) for _ in range(4)]
    with cluster(*moments) as started:
        quietly(batch(folder, "out", "--scheduler", started.address))
        return started.deaths


def kill_scheduler(random: random.Random, folder: Path) -> int:
    with cluster(scheduler=random.randrange(SCHEDULER_CALLS)) as started:
        quietly(batch(folder, "out", "--scheduler", started.address))
        return int(started.scheduler.exitcode == -signal.SIGKILL)


def kill_batch(random: random.Random, folder: Path) -> int:
    with cluster() as started:
        words = batch(folder, "out", "--scheduler", started.address)
        process = FORKS.Process(target=serve_batch, args=(words, random.randrange(FILES + 1)))
        process.start()
        process.join()
        return int(process.exitcode == -signal.SIGKILL)


def kill_batch_and_workers_of_its_own(random: random.Random, folder: Path) -> int:
    words = batch(folder, "out", "--workers", "2")
    process = subprocess.Popen([sys.executable, "-c", COMMAND, *words], stderr=subprocess.DEVNULL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(random.uniform(0, SECONDS))
    process.kill()
    return int(process.wait() == -signal.SIGKILL)


def main(rounds: int = 20, seed: int = 0) -> None:
    start_forks()
    workers._CONNECT_TIMEOUT = 2  # noqa: SLF001
    kinds = [kill_workers, kill_scheduler, kill_batch]
    plan = [kind for kind in kinds for _ in range(rounds)]
    plan += [kill_batch_and_workers_of_its_own] * max(1, rounds // 5)
    counts: dict[str, Counter[str]] = {}
    for number, kind in enumerate(plan):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "in").mkdir()
            (folder / "tiny.json").write_text(tiny_config(threads=1).model_dump_json())
            for index in range(FILES):
                values = noisy_waves((16, 16)) + index
                tifffile.imwrite(folder / "in" / f"{index}.tif", values.astype(np.float32))
            quietly(batch(folder, "whole"))
            count = counts.setdefault(kind.__name__, Counter())
            count["rounds"] += 1
            count["died"] += kind(random.Random(1000 * seed + number), folder)
            before = done(folder / "out")
            count["done before"] += len(before)
            count["errors"] += quietly(batch(folder, "out", "--resume")) != 0
            after = done(folder / "out")
            count["made again"] += sum(after.get(name) != when for name, when in before.items())
            count["not the same"] += pixels(folder / "out") != pixels(folder / "whole")
    names = ["rounds", "died", "done before", "errors", "made again", "not the same"]
    print(f"{'':36}" + "".join(f"{name:>14}" for name in names))
    for kind, count in counts.items():
        print(f"{kind:36}" + "".join(f"{count[name]:14}" for name in names))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
