"""Many videos on a Ray cluster: the local pool, once per core of the cluster."""

from collections.abc import Iterator, Sequence
from functools import partial

from common import ray_cluster
from common.files import file_size
from common.preprocessing import FaceConfig
from extraction import pool, store


def run(jobs: list[pool.Job], config: FaceConfig, timeout: float, address: str) -> Iterator[float]:
    """Do what pool.run does, with the same files, on the cluster at `address`. Raise the errors of
    ray_cluster.connected."""
    extract = partial(_extract, config=config, timeout=timeout)
    with ray_cluster.connected(address) as run_on_cluster:
        for batch in pool.batches(jobs):
            yield from run_on_cluster(extract, batch)


def _extract(jobs: Sequence[pool.Job], config: FaceConfig, timeout: float) -> list[float]:
    """Run one task. Videos that were done before the task was lost take no time again."""
    todo = [job for job in jobs if not store.is_done(job.folder, file_size(job.video))]
    return [0.0] * (len(jobs) - len(todo)) + list(pool.run(todo, config, 1, timeout))
