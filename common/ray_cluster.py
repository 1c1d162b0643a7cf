"""Work spread over a Ray cluster. Every node must see files under the same paths as this one."""

import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from common.errors import PipelineError, UsageError, one_line

REPOSITORY = Path(__file__).resolve().parents[1]
NOT_CODE = ["/.venv", "/.git", "/data", "/checkpoints"]  # what workers do not need of it
BATCH = 64  # items of a task at most: its process starts once for all of them
TASKS_PER_CORE = 4  # at least, so that no core is left over at the end
SECONDS_TO_ANSWER = 10  # of a cluster
RETRIES = 5  # of a task whose worker or node is lost

# A share of the items, done in one task on one core: its results
Task = Callable[[Sequence[Any]], list[Any]]
Spread = Callable[[Task, Sequence[Any]], Iterator[Any]]


@contextmanager
def connected(address: str, gpus: int = 0) -> Iterator[Spread]:
    """What spreads a task over the cluster at `address` (`local` starts one on this machine):
    results come as they are done, in no fixed order. A task that is lost with its worker or its
    node is run again elsewhere. Each has `gpus`.

    Raise UsageError without Ray or without a cluster, PipelineError when the cluster is lost, and
    what a task raises.
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

    if gpus and ray.cluster_resources().get("GPU", 0) < gpus:
        ray.shutdown()
        raise UsageError("no node of the cluster has a GPU: leave out --device cuda")

    def spread(task: Task, items: Sequence[Any]) -> Iterator[Any]:
        @ray.remote(num_cpus=1, num_gpus=gpus, max_retries=RETRIES)
        def run(share: Sequence[Any]) -> list[Any]:
            return task(share)

        cores = max(1, int(ray.cluster_resources().get("CPU", 1)))
        size = max(1, min(BATCH, len(items) // (TASKS_PER_CORE * cores)))
        waiting = [run.remote(items[i : i + size]) for i in range(0, len(items), size)]
        while waiting:
            ready, waiting = ray.wait(waiting)
            yield from ray.get(ready[0])

    try:
        yield spread
    except ray.exceptions.RayTaskError as error:
        raise error.cause from None  # what happened on the node, as if it had happened here
    except ray.exceptions.RayError as error:
        raise PipelineError(
            f"the Ray cluster gave up: {one_line(error)}; the same command continues"
        ) from error
    finally:
        ray.shutdown()


def _check(address: str) -> None:
    """Ray itself tries for minutes to reach an address where nobody answers."""
    host, _, port = address.rpartition(":")
    if "://" in address or not port.isdecimal():
        return
    try:
        socket.create_connection((host, int(port)), timeout=SECONDS_TO_ANSWER).close()
    except OSError as error:
        raise UsageError(f"no Ray cluster at --ray_address {address}: {error}") from error
