"""Extracts many videos on this machine, with worker processes that each have a detector.

A video that hangs, or that kills its worker, is recorded as failed; the others continue.
"""

import signal
import time
from collections.abc import Iterator
from concurrent.futures import Future, as_completed
from dataclasses import dataclass
from multiprocessing.context import SpawnContext
from multiprocessing.synchronize import RLock
from pathlib import Path

import cv2
import torch
from pebble import ProcessExpired, ProcessPool

from common.media_files import video_size
from common.preprocessing import FaceConfig
from common.signals import blocked_in_children
from extraction import store
from faces.detect import FaceDetector
from faces.extract import Extraction, extract_faces
from faces.search_server import RemoteSearch, SearchServer


@dataclass(frozen=True)
class Job:
    """One video to extract."""

    video: Path
    folder: Path  # where its crops are stored
    tar: bool = False  # store the crops of each track in one tar file


_detector: FaceDetector  # one per worker process, made by _start_worker


def _start_worker(config: FaceConfig, server: str | None) -> None:
    global _detector
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    _detector = FaceDetector(config, RemoteSearch(server) if server else None)


def _extract_and_store(job: Job) -> float:
    """Extract and store one video; return the seconds that it took."""
    started = time.monotonic()
    extraction = extract_faces(job.video, _detector)
    store.save(job.folder, extraction, video_size(job.video), job.tar)
    return time.monotonic() - started


def batches(jobs: list[Job]) -> list[list[Job]]:
    """Return two batches: the first job alone, whose time serves to estimate the others', and the
    other jobs."""
    return [jobs[:1], jobs[1:]]


def run(
    jobs: list[Job],
    config: FaceConfig,
    workers: int,
    timeout: float,
    device: torch.device | None = None,
) -> Iterator[float]:
    """Extract the video of each job and store its crops. Yield the seconds that each job took when
    it is done, in any order.

    A job that takes longer than `timeout` seconds is stored with the status `timeout`, a job whose
    process dies with `unreadable`; they yield `timeout` and 0. With a `device`, the frames of all
    workers are searched for faces on it; else each worker searches on the CPU.
    """
    if device is None:
        yield from _run(jobs, config, workers, timeout, None)
        return
    with SearchServer(config, device) as server:
        yield from _run(jobs, config, workers, timeout, server.address)


class _Context(SpawnContext):
    """Starts workers by spawning, because torch's threads do not survive a fork.

    It also keeps references to the pool's locks. A stopping pool drops its own before it ends its
    processes; a process that is just starting would then fail to find a lock and print an error.
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
            for batch in batches(jobs):
                with blocked_in_children(signal.SIGINT):  # the first call starts the processes
                    futures: dict[Future[float], Job] = {
                        pool.schedule(_extract_and_store, [job], timeout=timeout): job
                        for job in batch
                    }
                for future in as_completed(futures):
                    yield _result(future, futures[future], timeout)
        finally:
            pool.stop()  # after the last job, or because the caller stopped iterating
            pool.join()


def _result(future: Future[float], job: Job, timeout: float) -> float:
    """Return the seconds of a finished job. If it timed out or its process died, store that status
    and return `timeout` or 0."""
    size = video_size(job.video)
    try:
        return future.result()
    except TimeoutError:
        store.save(job.folder, Extraction("timeout", f"not done after {timeout:g} s"), size)
        return timeout
    except ProcessExpired as error:
        reason = f"the process that read it died (exit code {error.exitcode})"
        store.save(job.folder, Extraction("unreadable", reason), size)
        return 0.0
