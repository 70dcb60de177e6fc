"""Batches whose workers, scheduler or main process are killed (SIGKILL) at many moments.

A resumed batch has the same bytes as an undisturbed one, and repeats no file that is in the
manifest. `benchmarks/faults.py` tries many more moments.
"""

# ruff: noqa: F811, fixtures are imported
from __future__ import annotations

import random
import signal
import sys

import pytest

from napari_dip.batch import distributed as workers
from napari_dip.batch.manifest import Manifest
from napari_dip.io import results as outputs
from tests.batch.conftest import call, folder, lines, pixels, save_noisy  # noqa: F401
from tests.cluster import FORKS, cluster, serve_batch, start_forks

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")

# Approximate number of Python calls of a worker for a file, and of a scheduler for six.
_WORKER_CALLS, _SCHEDULER_CALLS = 100_000, 40_000


@pytest.fixture
def six(call, folder, monkeypatch):
    """Return the results of an undisturbed batch of six files."""
    start_forks()
    monkeypatch.setattr(workers, "_CONNECT_TIMEOUT", 2)
    for seed, name in enumerate("def", 3):
        save_noisy(folder / "in" / f"{name}.tif", seed=seed)
    assert call("in", out="serial")[0] == 0
    return pixels(folder / "serial")


def done(out):
    """Return modification time and content of the results listed in the manifest."""
    known = [out / record.output for record in Manifest(out).read().values() if not record.error]
    return {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in known}


def assert_resumes(call, out, six):
    """Resume without workers: no listed result is repeated, and all results exist."""
    before = done(out)
    code, summary, _ = call("in", "--resume", out=out.name)
    assert (code, summary.partition(": ")[2]) == (
        0,
        f"{6 - len(before)} restored, 0 failed, {len(before)} done before, 0 left\n",
    )
    assert pixels(out) == six
    assert {name: done(out)[name] for name in before} == before
    assert all(outputs.report_path(out / name).is_file() for name in six)


def test_killed_workers_lose_no_file(call, folder, six):
    moments = random.Random(0).sample(range(_WORKER_CALLS), 4)
    with cluster(*moments) as started:
        call("in", "--scheduler", started.address)
        assert started.deaths >= 3
    assert len({record["input"] for record in lines(folder / "out")}) == 6
    assert_resumes(call, folder / "out", six)


@pytest.mark.parametrize("seed", range(3))
def test_resumes_after_a_killed_scheduler(
    call,
    folder,
    six,
    seed,
):
    moment = random.Random(seed).randrange(_SCHEDULER_CALLS)
    with cluster(scheduler=moment) as started:
        code, out, err = call("in", "--scheduler", started.address)
        died = started.scheduler.exitcode == -signal.SIGKILL
    if died and code:
        assert (code, out) == (4, "")
        assert "scheduler" in err
        assert "Traceback" not in err
    assert_resumes(call, folder / "out", six)


@pytest.mark.parametrize("records", [1, 4])
def test_resumes_a_killed_batch_with_cluster_workers(call, folder, six, records):
    with cluster() as started:
        words = f"batch in --config tiny.json -o out --scheduler {started.address}".split()
        batch = FORKS.Process(target=serve_batch, args=(words, records + 1))
        batch.start()
        batch.join()
    assert batch.exitcode == -signal.SIGKILL
    assert len(done(folder / "out")) == records
    assert_resumes(call, folder / "out", six)
