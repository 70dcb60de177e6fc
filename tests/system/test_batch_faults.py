"""Workers, the scheduler and the batch itself, killed (SIGKILL) at many moments.

Whatever dies, and when: a batch that is gone on with has the bytes of one that nothing
happened to, and what the manifest knew is not made again. `benchmarks/faults.py` tries
many more moments.
"""

# ruff: noqa: F811, fixtures are named where they come from
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

# About how many Python calls a worker needs for a file, and a scheduler for six.
_CALLS_OF_A_WORKER, _CALLS_OF_A_SCHEDULER = 100_000, 40_000


@pytest.fixture
def six(call, folder, monkeypatch):
    """Return the results of six files of which nothing happened to any."""
    start_forks()
    monkeypatch.setattr(workers, "_CONNECT_TIMEOUT", 2)
    for seed, name in enumerate("def", 3):
        save_noisy(folder / "in" / f"{name}.tif", seed=seed)
    assert call("in", out="serial")[0] == 0
    return pixels(folder / "serial")


def done(out):
    """Return what was made, and when, of the files of which the manifest says that they are."""
    known = [out / record.output for record in Manifest(out).read().values() if not record.error]
    return {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in known}


def assert_gone_on_with(call, out, six):
    """Go on without workers: nothing is made again that was done, and all is there."""
    before = done(out)
    code, summary, _ = call("in", "--resume", out=out.name)
    assert (code, summary.partition(": ")[2]) == (
        0,
        f"{6 - len(before)} restored, 0 failed, {len(before)} done before, 0 left\n",
    )
    assert pixels(out) == six
    assert {name: done(out)[name] for name in before} == before
    assert all(outputs.report_path(out / name).is_file() for name in six)


def test_workers_that_die_at_any_moment_cost_nothing_but_time(call, folder, six):
    moments = random.Random(0).sample(range(_CALLS_OF_A_WORKER), 4)
    with cluster(*moments) as started:
        call("in", "--scheduler", started.address)
        assert started.deaths >= 3
    assert len({record["input"] for record in lines(folder / "out")}) == 6
    assert_gone_on_with(call, folder / "out", six)


@pytest.mark.parametrize("seed", range(3))
def test_a_scheduler_that_dies_at_any_moment_loses_nothing_that_is_done(
    call,
    folder,
    six,
    seed,
):
    moment = random.Random(seed).randrange(_CALLS_OF_A_SCHEDULER)
    with cluster(scheduler=moment) as started:
        code, out, err = call("in", "--scheduler", started.address)
        died = started.scheduler.exitcode == -signal.SIGKILL
    if died and code:
        assert (code, out) == (4, "")
        assert "scheduler" in err
        assert "Traceback" not in err
    assert_gone_on_with(call, folder / "out", six)


@pytest.mark.parametrize("records", [1, 4])
def test_a_batch_that_dies_beside_its_workers_is_gone_on_with(call, folder, six, records):
    with cluster() as started:
        words = f"batch in --config tiny.json -o out --scheduler {started.address}".split()
        batch = FORKS.Process(target=serve_batch, args=(words, records + 1))
        batch.start()
        batch.join()
    assert batch.exitcode == -signal.SIGKILL
    assert len(done(folder / "out")) == records
    assert_gone_on_with(call, folder / "out", six)
