"""Distributed batch: workers on this machine and on a running scheduler."""

from __future__ import annotations

import socket
import subprocess
import sys
from contextlib import suppress

import distributed
import pytest

from napari_dip import optional as extras
from napari_dip.batch import distributed as workers
from napari_dip.batch.planning import plan
from napari_dip.core.tasks.spec import TaskSpec
from tests.batch.conftest import lines, pixels, save_noisy
from tests.cluster import start_forks
from tests.tiny import tiny_config


def test_workers_give_the_same_results_as_one_process(call, folder, monkeypatch):
    start_forks()
    call("in", out="serial")
    save_noisy(folder / "in" / "damaged.tif").write_bytes(b"no image")
    code, out, err = call("in", "--workers", "2")
    assert (code, out) == (3, "out: 3 restored, 1 failed, 0 done before, 0 left\n")
    assert "damaged.tif: error: Got" in err
    assert pixels(folder / "out") == pixels(folder / "serial")
    assert len(lines(folder / "out")) == 4


def test_workers_start_from_a_fresh_process(folder):
    """A worker that is not forked imports the script that started it."""
    script = folder / "napari-dip.py"
    lines = ["import sys", "from napari_dip.cli.main import main", "if __name__ == '__main__':"]
    script.write_text("\n".join([*lines, "    sys.exit(main())"]))
    words = "batch in/a.tif --config tiny.json -o out --workers 1".split()
    with socket.socket() as other:
        with suppress(OSError):  # another program may use the default port of dask
            other.bind(("", 8787))
            other.listen()
        done = subprocess.run([sys.executable, script, *words], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (
        0,
        "out: 1 restored, 0 failed, 0 done before, 0 left\n",
    )
    assert done.stderr.count("\n") == 1


def test_unreachable_scheduler_is_refused(call, monkeypatch):
    monkeypatch.setattr(workers, "_CONNECT_TIMEOUT", 0.2)
    code, out, err = call("in", "--scheduler", "tcp://127.0.0.1:9")
    assert (code, out) == (4, "")
    assert "tcp://127.0.0.1:9, which does not answer" in err


@pytest.mark.parametrize(
    ("count", "workers_text"), [(0, "no workers; the batch waits"), (1, "1 worker")]
)
def test_reports_the_number_of_workers_of_a_scheduler(folder, count, workers_text):
    jobs = plan([folder / "in" / "a.tif"], folder, ".tif", TaskSpec(), tiny_config())
    sentences = []
    with distributed.LocalCluster(
        n_workers=count, processes=False, protocol="tcp", dashboard_address="127.0.0.1:0"
    ) as cluster:
        address = cluster.scheduler_address
        assert list(workers.run_distributed(jobs, lambda: True, address, 1, sentences.append)) == []
    (sentence,) = sentences
    assert sentence.startswith(f"{address} has {workers_text}")


def test_reports_the_dashboard_of_a_scheduler():
    class Watched:
        dashboard_link = "http://host:8787/status"

        def nthreads(self):
            return {"a": 1, "b": 1}

    assert workers._workers_of("tcp://host:8786", Watched()) == (
        "tcp://host:8786 has 2 workers; dashboard: http://host:8787/status"
    )


def test_lost_worker_becomes_an_error_record(folder):
    (job,) = plan([folder / "in" / "a.tif"], folder, ".tif", TaskSpec(), tiny_config())

    class Lost:
        def exception(self):
            return MemoryError("killed\nby the system")

    record = workers._record_of(job, Lost())
    assert record.exit_code == 4
    assert "worker was lost" in record.error
    assert "\n" not in record.error


def test_without_dask_runs_serially_and_refuses_a_scheduler(call, monkeypatch):
    monkeypatch.setattr(extras, "installed", lambda library: False)
    code, out, err = call("in", "--workers", "2")
    assert (code, out.split(",")[0]) == (0, "out: 3 restored")
    assert 'pip install "napari-dip[distributed]"' in err
    code, _, err = call("in", "--scheduler", "tcp://127.0.0.1:9", out="other")
    assert code == 3
    assert 'pip install "napari-dip[distributed]"' in err
