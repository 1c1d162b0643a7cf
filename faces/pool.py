"""Many videos on this machine: one process per core, each with its own detector.

A video that hangs, or that kills the process which reads it, costs its own row and no other.
"""

import multiprocessing
import signal
import time
from collections.abc import Iterator
from concurrent.futures import as_completed
from dataclasses import dataclass
from pathlib import Path

import cv2
import torch
from pebble import ProcessExpired, ProcessFuture, ProcessPool

from faces import store
from faces.detect import FaceDetector
from faces.extract import Extraction, extract_faces
from preprocessing import FaceConfig


@dataclass(frozen=True)
class Job:
    video: Path
    folder: Path  # where its crops go


_detector: FaceDetector  # one per worker process, made by _start_worker


def _start_worker(config: FaceConfig) -> None:
    global _detector
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the main process's to handle
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    _detector = FaceDetector(config)


def _work(job: Job) -> float:
    """Extract and store one video; return its seconds."""
    started = time.monotonic()
    store.save(job.folder, extract_faces(job.video, _detector), store.size(job.video))
    return time.monotonic() - started


def run(jobs: list[Job], config: FaceConfig, workers: int, timeout: float) -> Iterator[float]:
    """Extract and store every job; yield the seconds of each as it is done, in no fixed order.

    The first job is done alone, so that its seconds can tell what the others will take. A job
    that takes longer than `timeout` seconds becomes a row `timeout`, one whose process dies a
    row `unreadable`.
    """
    # Spawned, not forked: torch's threads do not survive a fork.
    context = multiprocessing.get_context("spawn")
    with ProcessPool(
        workers, initializer=_start_worker, initargs=(config,), context=context
    ) as pool:
        try:
            for batch in (jobs[:1], jobs[1:]):
                futures = {pool.schedule(_work, [job], timeout=timeout): job for job in batch}
                for future in as_completed(futures):
                    yield _result(future, futures[future], timeout)
        finally:
            pool.stop()  # after the last job, or because the caller gave up
            pool.join()


def _result(future: ProcessFuture, job: Job, timeout: float) -> float:
    size = store.size(job.video)
    try:
        return future.result()
    except TimeoutError:
        store.save(job.folder, Extraction("timeout", f"not done after {timeout:g} s"), size)
        return timeout
    except ProcessExpired as error:
        reason = f"the process that read it died (exit code {error.exitcode})"
        store.save(job.folder, Extraction("unreadable", reason), size)
        return 0.0
