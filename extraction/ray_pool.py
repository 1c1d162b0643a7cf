"""Extracts many videos on a Ray cluster, with one worker process per core of the cluster."""

from collections.abc import Iterator, Sequence
from functools import partial

from common import ray_cluster
from common.media_files import video_size
from common.preprocessing import FaceConfig
from extraction import pool, store


def run(jobs: list[pool.Job], config: FaceConfig, timeout: float, address: str) -> Iterator[float]:
    """Extract the video of each job on the Ray cluster at `address` and store its crops, in the
    same files as on one machine. Yield the seconds that each job took, in any order; 0 if it was
    already done. A video that takes longer than `timeout` seconds is stored with status timeout.

    Raise UsageError if Ray is not installed or the cluster cannot be reached, PipelineError if the
    cluster is lost.
    """
    extract = partial(_extract, config=config, timeout=timeout)
    with ray_cluster.connected(address) as run_on_cluster:
        for batch in pool.batches(jobs):
            yield from run_on_cluster(extract, batch)


def _extract(jobs: Sequence[pool.Job], config: FaceConfig, timeout: float) -> list[float]:
    """Extract the jobs of one task; return the seconds that each took, in any order. If the task is
    repeated because its worker was lost, a job that is already done counts 0 seconds."""
    todo = [job for job in jobs if not store.is_done(job.folder, video_size(job.video))]
    return [0.0] * (len(jobs) - len(todo)) + list(pool.run(todo, config, 1, timeout))
