"""Many videos on this machine: one process per core, each with its own detector."""

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import torch

from faces import store
from faces.detect import FaceDetector
from faces.extract import extract_faces
from preprocessing import FaceConfig


@dataclass(frozen=True)
class Job:
    video: Path
    folder: Path  # where its crops go


_detector: FaceDetector  # one per worker process, made by _start_worker


def _start_worker(config: FaceConfig) -> None:
    global _detector
    torch.set_num_threads(1)
    _detector = FaceDetector(config)


def _work(job: Job) -> Job:
    extract_and_store(job, _detector)
    return job


def extract_and_store(job: Job, detector: FaceDetector) -> None:
    store.save(job.folder, extract_faces(job.video, detector))


def run(jobs: list[Job], config: FaceConfig, workers: int) -> Iterator[Job]:
    """Extract and store every job; yield each as it is done, in no fixed order."""
    # Spawned, not forked: torch's threads do not survive a fork.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, _start_worker, (config,)) as executor:
        futures = [executor.submit(_work, job) for job in jobs]
        try:
            for future in as_completed(futures):
                yield future.result()
        finally:
            executor.shutdown(wait=True, cancel_futures=True)
