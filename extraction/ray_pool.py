"""Many videos on a Ray cluster: the local pool, once per core of the cluster."""

from collections.abc import Iterator, Sequence
from functools import partial

from common import ray_cluster
from common.files import file_size
from common.preprocessing import FaceConfig
from extraction import pool, store


def run(jobs: list[pool.Job], config: FaceConfig, timeout: float, address: str) -> Iterator[float]:
    """What pool.run does, with the same files, on the cluster at `address`. Raise what
    cluster.connected does."""
    extract = partial(_extract, config=config, timeout=timeout)
    with ray_cluster.connected(address) as spread:
        for part in pool.rounds(jobs):
            yield from spread(extract, part)


def _extract(jobs: Sequence[pool.Job], config: FaceConfig, timeout: float) -> list[float]:
    """One task. The videos that it had done before it was lost cost no time again."""
    todo = [job for job in jobs if not store.is_done(job.folder, file_size(job.video))]
    return [0.0] * (len(jobs) - len(todo)) + list(pool.run(todo, config, 1, timeout))
