"""Workers: the jobs of a batch on processes of dask.distributed, here or elsewhere."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from napari_dip.batch.jobs import restore_job
from napari_dip.batch.manifest import Record
from napari_dip.errors import DeviceError, Hint

if TYPE_CHECKING:
    from distributed import Client, Future

    from napari_dip.batch.jobs import Job

# How soon a request to stop is seen while workers are busy [seconds].
_PATIENCE = 0.5
# How long a scheduler may take to answer [seconds].
_CONNECTION = 10


def run_distributed(
    jobs: Sequence[Job],
    stop_requested: Callable[[], bool],
    scheduler: str | None,
    workers: int,
    tell: Callable[[str], None] = lambda sentence: None,
) -> Iterator[Record]:
    """Restore files on workers, yielding records as they come; end early when asked to stop.

    Parameters
    ----------
    jobs : sequence of Job
        Workers read and write the files themselves, by the same paths.
    stop_requested : callable
        Polled twice a second.
    scheduler : str or None
        Address of a running scheduler; without one, workers are started on
        this machine.
    workers : int
        How many of them.
    tell : callable
        Gets a sentence on who works, if it is a running scheduler, and where to watch it.

    Raises
    ------
    DeviceError
        The scheduler does not answer, or was lost with all that was not finished.
    """
    from distributed import wait

    if scheduler is None:
        jobs = [_with_share_of_threads(job, workers) for job in jobs]
    with _loss_told(), _client(scheduler, workers) as client:
        if scheduler is not None:
            tell(_company(scheduler, client))
        pending = {client.submit(restore_job, job, pure=False): job for job in jobs}
        while pending and not stop_requested():
            with suppress(TimeoutError):
                wait(list(pending), timeout=_PATIENCE, return_when="FIRST_COMPLETED")
            for future in [future for future in pending if future.done()]:
                record = _record_of(pending.pop(future), future)
                # What is still asked for is made again when the worker that holds it is
                # lost, and its file would no longer be the one that the manifest knows.
                future.release()
                yield record
        client.cancel(list(pending))


@contextmanager
def _loss_told() -> Iterator[None]:
    """Say in a sentence, and once, that the scheduler was lost."""
    # It would print where in its own code a connection broke.
    logger = logging.getLogger("distributed.client")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    except (CancelledError, OSError) as error:
        raise DeviceError(
            "The scheduler was lost; what is finished is kept. Start it again, and resume the "
            "batch.",
            Hint("resume"),
        ) from error
    finally:
        logger.setLevel(before)


@contextmanager
def _client(scheduler: str | None, workers: int) -> Iterator[Client]:
    """Connect to a scheduler, or to one of our own."""
    from distributed import Client, LocalCluster

    if scheduler is not None:
        try:
            client = Client(scheduler, timeout=_CONNECTION)
        except (OSError, ValueError) as error:
            raise DeviceError(
                f"Got the scheduler {scheduler}, which does not answer ({error}); expected the "
                "address of a running dask scheduler, such as tcp://host:8786."
            ) from error
        with client:
            yield client
        return
    cluster = LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        # Nothing is shown, and another program may have dask's usual port.
        dashboard_address=None,
        scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},
        memory_limit=0,  # a fit that is killed and begun again gets no further
        silence_logs=logging.ERROR,
    )
    with cluster, Client(cluster) as client:
        # A terminal sends Ctrl-C to them too; it is ours to end them.
        client.run(_ignore_interrupts)
        yield client


def _company(scheduler: str, client: Client) -> str:
    """Say who works for a scheduler: with nobody there, a batch waits without end."""
    count = len(client.nthreads())
    who = "1 worker" if count == 1 else f"{count or 'no'} workers"
    if not count:
        who += "; the batch waits until one comes (Ctrl-C ends it)"
    with suppress(KeyError):  # it has no dashboard
        return f"{scheduler} has {who}; watch it at {client.dashboard_link}"
    return f"{scheduler} has {who}"


def _ignore_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _with_share_of_threads(job: Job, workers: int) -> Job:
    if job.config.threads is not None:
        return job
    threads = max(1, (os.cpu_count() or 1) // workers)
    return replace(job, config=job.config.model_copy(update={"threads": threads}))


def _record_of(job: Job, future: Future) -> Record:
    """Return what a worker returned, or that it was lost."""
    error = future.exception()
    if error is None:
        record: Record = future.result()
        return record
    reason = f"{type(error).__name__}: {error}".splitlines()[0]
    return Record(
        input=str(job.source),
        output=job.output.name,
        config_sha256=job.config_sha256,
        error=f"The worker was lost ({reason}); its memory may be too small.",
        exit_code=DeviceError.exit_code,
    )
