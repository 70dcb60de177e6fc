"""Distributed batch: run jobs on dask workers, on this machine or on a cluster."""

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

# Interval at which a request to stop is checked while workers are busy [seconds].
_POLL_INTERVAL = 0.5
# Longest wait for the answer of a scheduler [seconds].
_CONNECT_TIMEOUT = 10


def run_distributed(
    jobs: Sequence[Job],
    stop_requested: Callable[[], bool],
    scheduler: str | None,
    workers: int,
    report: Callable[[str], None] = lambda sentence: None,
) -> Iterator[Record]:
    """Restore images on workers, until all are done or a stop is requested.

    Parameters
    ----------
    jobs : sequence of Job
        Jobs; the workers must be able to open the files under the same paths.
    stop_requested : callable
        Function that returns True once the batch should stop; called twice a second.
    scheduler : str or None
        Address of a running scheduler; None starts workers on this machine.
    workers : int
        Number of workers that are started on this machine.
    report : callable
        Function that gets a sentence with the number of workers of a running scheduler
        and the address of its dashboard.

    Yields
    ------
    Record
        Record of each image, in the order in which they are finished.

    Raises
    ------
    DeviceError
        The scheduler does not answer, or the connection to it was lost.
    """
    from distributed import wait

    if scheduler is None:
        jobs = [_with_share_of_threads(job, workers) for job in jobs]
    with _lost_scheduler_as_error(), _client(scheduler, workers) as client:
        if scheduler is not None:
            report(_workers_of(scheduler, client))
        pending = {client.submit(restore_job, job, pure=False): job for job in jobs}
        while pending and not stop_requested():
            with suppress(TimeoutError):
                wait(list(pending), timeout=_POLL_INTERVAL, return_when="FIRST_COMPLETED")
            for future in [future for future in pending if future.done()]:
                record = _record_of(pending.pop(future), future)
                # If the worker that holds an unreleased future is lost, dask runs the job
                # again, and the new file would not match the checksum in the manifest.
                future.release()
                yield record
        client.cancel(list(pending))


@contextmanager
def _lost_scheduler_as_error() -> Iterator[None]:
    """Turn the loss of the scheduler into one `DeviceError`."""
    # The client would log the traceback of the broken connection.
    logger = logging.getLogger("distributed.client")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    except (CancelledError, OSError) as error:
        raise DeviceError(
            "The connection to the scheduler was lost; finished results are kept. Start the "
            "scheduler again, and resume the batch.",
            Hint("resume"),
        ) from error
    finally:
        logger.setLevel(before)


@contextmanager
def _client(scheduler: str | None, workers: int) -> Iterator[Client]:
    """Connect to a running scheduler, or start one with workers on this machine."""
    from distributed import Client, LocalCluster

    if scheduler is not None:
        try:
            client = Client(scheduler, timeout=_CONNECT_TIMEOUT)
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
        # The dashboard is not needed, and another program may use dask's default port.
        dashboard_address=None,
        scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},
        memory_limit=0,  # a killed fit that starts again would need the same memory
        silence_logs=logging.ERROR,
    )
    with cluster, Client(cluster) as client:
        # A terminal sends Ctrl-C to the workers, too, but this process ends them.
        client.run(_ignore_interrupts)
        yield client


def _workers_of(scheduler: str, client: Client) -> str:
    """Describe the workers of a scheduler; without any, the batch waits."""
    count = len(client.nthreads())
    workers = "1 worker" if count == 1 else f"{count or 'no'} workers"
    if not count:
        workers += "; the batch waits until one connects (Ctrl-C ends the batch)"
    with suppress(KeyError):  # the scheduler has no dashboard
        return f"{scheduler} has {workers}; dashboard: {client.dashboard_link}"
    return f"{scheduler} has {workers}"


def _ignore_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _with_share_of_threads(job: Job, workers: int) -> Job:
    if job.config.threads is not None:
        return job
    threads = max(1, (os.cpu_count() or 1) // workers)
    return replace(job, config=job.config.model_copy(update={"threads": threads}))


def _record_of(job: Job, future: Future) -> Record:
    """Return the record of a worker, or a record of its loss."""
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
