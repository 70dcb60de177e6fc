"""A dask.distributed scheduler and workers that kill themselves at a chosen moment.

Each is a process, forked quickly from a server process that has imported all modules.
With a `moment`, a process kills itself (SIGKILL) at that number of Python calls. A kill
from outside can hit the same places, but this one is the same in every run.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager
from itertools import count
from multiprocessing import forkserver
from multiprocessing.connection import wait
from pathlib import Path
from threading import Event, Thread

import dask
from distributed.utils import get_mp_context

from napari_dip.batch import jobs as batch

# A batch starts its own workers in the same way.
dask.config.set({"distributed.worker.multiprocessing-method": "forkserver"})
FORKS = get_mp_context()  # has its own list of modules to import first
FORKS.set_forkserver_preload(["tests.cluster", "napari_dip.core.restoration.restore"])


def start_forks() -> None:
    """Start the fork server in the top folder, where it can import `tests`."""
    with chdir(Path(__file__).parents[1]):
        forkserver.ensure_running()


def die_at(moment: int | None) -> Callable[..., None]:
    """Return a profile function that kills the process at a number of Python calls."""
    calls = count()

    def profile(frame: object, event: str, argument: object) -> None:
        if event == "call" and next(calls) == moment:
            os.kill(os.getpid(), signal.SIGKILL)

    return profile


def serve_scheduler(address, moment: int | None) -> None:
    from distributed import Scheduler

    async def serve() -> None:
        async with Scheduler(port=0, dashboard=False) as scheduler:
            address.send(scheduler.address)
            if moment is not None:
                sys.setprofile(die_at(moment))
            await scheduler.finished()

    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # it logs dead workers
    asyncio.run(serve())


def serve_worker(address: str, moment: int | None) -> None:
    from distributed import Worker

    async def serve() -> None:
        async with Worker(address, nthreads=1, dashboard=False, memory_limit=0) as worker:
            await worker.finished()

    if moment is not None:
        restore_job, profile = batch.restore_job, die_at(moment)

        def restore_until_then(*args):
            sys.setprofile(profile)  # profiles this thread only, which does the work
            try:
                return restore_job(*args)
            finally:
                sys.setprofile(None)

        batch.restore_job = restore_until_then
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    asyncio.run(serve())


class Cluster:
    """A scheduler and two workers; a dead worker is replaced by a new one."""

    def __init__(self, moments: Iterator[int | None], scheduler_moment: int | None = None) -> None:
        here, there = FORKS.Pipe()
        self._moments, self._ending = moments, Event()
        self.deaths = 0
        self.scheduler = FORKS.Process(target=serve_scheduler, args=(there, scheduler_moment))
        self.scheduler.start()
        self.address = here.recv()
        self.workers = [self._worker() for _ in range(2)]
        self._care = Thread(target=self._replace_the_dead)
        self._care.start()

    def _worker(self):
        worker = FORKS.Process(target=serve_worker, args=(self.address, next(self._moments, None)))
        worker.start()
        return worker

    def _replace_the_dead(self) -> None:
        while not self._ending.is_set() and self.scheduler.is_alive():
            for sentinel in wait([worker.sentinel for worker in self.workers], timeout=0.1):
                (place,) = [n for n, each in enumerate(self.workers) if each.sentinel == sentinel]
                self.deaths += self.workers[place].exitcode == -signal.SIGKILL
                self.workers[place] = self._worker()

    def end(self) -> None:
        self._ending.set()
        self._care.join()
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.join()


def serve_batch(words: list[str], moment: int | None) -> None:
    """Run a batch and kill it before record number `moment`, from 0, of the manifest."""
    from napari_dip.batch.manifest import Manifest
    from napari_dip.cli import main as cli

    add, calls = Manifest.add, count()

    def add_or_die(*args) -> None:
        if next(calls) == moment:
            os.kill(os.getpid(), signal.SIGKILL)
        add(*args)

    Manifest.add = add_or_die
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    sys.exit(cli.main(words))


@contextmanager
def cluster(*moments: int | None, scheduler: int | None = None) -> Iterator[Cluster]:
    """Start a cluster whose workers die at the given moments, in order; later workers live."""
    started = Cluster(iter(moments), scheduler)
    try:
        yield started
    finally:
        started.end()
