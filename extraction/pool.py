"""Many videos on this machine: one process per core, each with its own detector.

A video that hangs, or that kills the process which reads it, costs its own row and no other.
"""

import signal
import time
from collections.abc import Iterator
from concurrent.futures import as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.context import SpawnContext
from multiprocessing.synchronize import RLock
from pathlib import Path

import cv2
import torch
from pebble import ProcessExpired, ProcessFuture, ProcessPool

from common.files import file_size
from common.preprocessing import FaceConfig
from extraction import store
from faces.detect import FaceDetector
from faces.extract import Extraction, extract_faces
from faces.search_server import RemoteSearch, SearchServer


@dataclass(frozen=True)
class Job:
    video: Path
    folder: Path  # where its crops go
    original: Path | None = None  # crops of a video whose faces may be at the same places
    tar: bool = False  # how the crops are stored


_detector: FaceDetector  # one per worker process, made by _start_worker


def _start_worker(config: FaceConfig, server: str | None) -> None:
    global _detector
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    _detector = FaceDetector(config, RemoteSearch(server) if server else None)


def _work(job: Job) -> float:
    """Extract and store one video; return its seconds."""
    started = time.monotonic()
    original = store.find(job.original, None) if job.original else None
    found = extract_faces(job.video, _detector, original)
    store.save(job.folder, found, file_size(job.video), job.tar)
    return time.monotonic() - started


def rounds(jobs: list[Job]) -> list[list[Job]]:
    """The first job alone, so that its seconds can tell what the others will take; then those
    that others need; then the others."""
    rest = jobs[1:]
    return [jobs[:1], [j for j in rest if not j.original], [j for j in rest if j.original]]


def run(
    jobs: list[Job],
    config: FaceConfig,
    workers: int,
    timeout: float,
    device: torch.device | None = None,
) -> Iterator[float]:
    """Extract and store every job; yield the seconds of each as it is done, in no fixed order.

    A job that takes longer than `timeout` seconds becomes a row `timeout`, one whose process dies a
    row `unreadable`. With a `device`, frames are searched there, for all workers together.
    """
    if device is None:
        yield from _run(jobs, config, workers, timeout, None)
        return
    with SearchServer(config, device) as server:
        yield from _run(jobs, config, workers, timeout, server.address)


class _Context(SpawnContext):
    """Starts the processes: spawned, as torch's threads do not survive a fork.

    It also holds the locks that the pool makes. A pool that is stopped lets them go before it ends
    its processes, and one that is just starting would no longer find them, and say so at length.
    """

    def __init__(self) -> None:
        super().__init__()
        self._locks: list[RLock] = []

    def RLock(self) -> RLock:
        self._locks.append(super().RLock())
        return self._locks[-1]


def _run(
    jobs: list[Job], config: FaceConfig, workers: int, timeout: float, server: str | None
) -> Iterator[float]:
    context = _Context()
    count = max(1, min(workers, len(jobs)))
    with ProcessPool(
        count, initializer=_start_worker, initargs=(config, server), context=context
    ) as pool:
        try:
            for batch in rounds(jobs):
                with _without_ctrl_c():  # the first one starts the processes
                    futures = {pool.schedule(_work, [job], timeout=timeout): job for job in batch}
                for future in as_completed(futures):
                    yield _result(future, futures[future], timeout)
        finally:
            pool.stop()  # after the last job, or because the caller gave up
            pool.join()


@contextmanager
def _without_ctrl_c() -> Iterator[None]:
    """Ctrl-C is the main process's to handle: processes and threads that start in here inherit
    that it is held back, and so never see it, not even while they import."""
    resource_tracker.ensure_running()  # which, when it starts later, lets the signal in again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _result(future: ProcessFuture, job: Job, timeout: float) -> float:
    size = file_size(job.video)
    try:
        return future.result()
    except TimeoutError:
        store.save(job.folder, Extraction("timeout", f"not done after {timeout:g} s"), size)
        return timeout
    except ProcessExpired as error:
        reason = f"the process that read it died (exit code {error.exitcode})"
        store.save(job.folder, Extraction("unreadable", reason), size)
        return 0.0
