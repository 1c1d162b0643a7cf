"""Many videos on a Ray cluster: the local pool, once per core of the cluster.

Every node must see the videos and the output folder under the same paths.
"""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

from errors import PipelineError, UsageError, one_line
from faces import pool, store
from preprocessing import FaceConfig

REPOSITORY = Path(__file__).resolve().parents[1]
NOT_CODE = ["/.venv", "/.git", "/data", "/checkpoints"]  # what workers do not need of it
BATCH = 64  # videos of a task at most: its process starts once for all of them
SECONDS_TO_ANSWER = 10  # of a cluster
RETRIES = 5  # of a task whose worker or node is lost


def run(jobs: list[pool.Job], config: FaceConfig, timeout: float, address: str) -> Iterator[float]:
    """What pool.run does, with the same files, on the cluster at `address` (`local` starts one on
    this machine). A task that is lost with its worker or its node is run again elsewhere, and
    goes on after the videos that it had done. Raise UsageError without Ray or without a cluster.
    """
    try:
        import ray
    except ImportError as error:
        raise UsageError("--engine ray needs Ray: pip install -r requirements-ray.txt") from error
    _check(address)
    # Workers find the code in their working directory, a copy of this repository.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would report to its makers
    code = {"working_dir": str(REPOSITORY), "excludes": NOT_CODE}
    try:
        ray.init(address, runtime_env=code, log_to_driver=False, include_dashboard=False)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise UsageError(f"Ray at --ray_address {address}: {one_line(error)}") from error
    try:
        yield from _run(jobs, config, timeout)
    except ray.exceptions.RayTaskError as error:
        raise error.cause from None  # what happened on the node, as if it had happened here
    except ray.exceptions.RayError as error:
        raise PipelineError(
            f"the Ray cluster gave up: {one_line(error)}; the same command continues"
        ) from error
    finally:
        ray.shutdown()


def _run(jobs: list[pool.Job], config: FaceConfig, timeout: float) -> Iterator[float]:
    import ray

    extract = ray.remote(num_cpus=1, max_retries=RETRIES)(_extract)
    cores = max(1, int(ray.cluster_resources().get("CPU", 1)))
    size = max(1, min(BATCH, len(jobs) // (4 * cores)))
    for part in pool.rounds(jobs):
        batches = [part[i : i + size] for i in range(0, len(part), size)]
        waiting = [extract.remote(batch, config, timeout) for batch in batches]
        while waiting:
            ready, waiting = ray.wait(waiting)
            yield from ray.get(ready[0])


def _check(address: str) -> None:
    """Ray itself tries for minutes to reach an address where nobody answers."""
    host, _, port = address.rpartition(":")
    if "://" in address or not port.isdecimal():
        return
    try:
        socket.create_connection((host, int(port)), timeout=SECONDS_TO_ANSWER).close()
    except OSError as error:
        raise UsageError(f"no Ray cluster at --ray_address {address}: {error}") from error


def _extract(jobs: list[pool.Job], config: FaceConfig, timeout: float) -> list[float]:
    """One task. The videos that it had done before it was lost cost no time again."""
    todo = [job for job in jobs if not store.is_done(job.folder, store.size(job.video))]
    return [0.0] * (len(jobs) - len(todo)) + list(pool.run(todo, config, 1, timeout))
