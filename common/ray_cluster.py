"""Runs tasks on a Ray cluster. Every node must be able to access all files under the same paths."""

import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from common.errors import PipelineError, UsageError, one_line

REPOSITORY = Path(__file__).resolve().parents[1]
EXCLUDED = ["/.venv", "/.git", "/data", "/checkpoints"]  # not copied to the workers
MAX_BATCH = 64  # items per task, for which a process starts once
TASKS_PER_CORE = 4  # at least, so that few cores are idle while the last tasks run
SECONDS_TO_CONNECT = 10
RETRIES = 5  # of a task whose worker process or node is lost

Task = Callable[[Sequence[Any]], list[Any]]  # items → results; runs on one core
RunOnCluster = Callable[[Task, Sequence[Any]], Iterator[Any]]


@contextmanager
def connected(address: str, gpus: int = 0) -> Iterator[RunOnCluster]:
    """Connect to the cluster at `address` (`local`: start one on this machine) and yield a function
    that runs a task on batches of items there and yields the results in any order.

    Each batch gets one core and `gpus` GPUs. If its worker process or node is lost, it runs again.
    Raise UsageError if Ray is not installed, the cluster cannot be reached or no node has a GPU,
    PipelineError if the cluster fails, and the exception of a task that raises one.
    """
    try:
        import ray
    except ImportError as error:
        raise UsageError("--engine ray needs Ray: pip install -r requirements-ray.txt") from error
    _check_reachable(address)
    # Workers import the code from their working directory, a copy of this repository.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray would report to its makers
    code = {"working_dir": str(REPOSITORY), "excludes": EXCLUDED}
    try:
        ray.init(address, runtime_env=code, log_to_driver=False, include_dashboard=False)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise UsageError(f"Ray at --ray_address {address}: {one_line(error)}") from error

    if gpus and ray.cluster_resources().get("GPU", 0) < gpus:
        ray.shutdown()
        raise UsageError("no node of the cluster has a GPU: leave out --device cuda")

    def run_on_cluster(task: Task, items: Sequence[Any]) -> Iterator[Any]:
        @ray.remote(num_cpus=1, num_gpus=gpus, max_retries=RETRIES)
        def run(batch: Sequence[Any]) -> list[Any]:
            return task(batch)

        cores = max(1, int(ray.cluster_resources().get("CPU", 1)))
        size = max(1, min(MAX_BATCH, len(items) // (TASKS_PER_CORE * cores)))
        pending = [run.remote(items[i : i + size]) for i in range(0, len(items), size)]
        while pending:
            ready, pending = ray.wait(pending)
            yield from ray.get(ready[0])

    try:
        yield run_on_cluster
    except ray.exceptions.RayTaskError as error:
        raise error.cause from None  # the exception of the task, as if it had run in this process
    except ray.exceptions.RayError as error:
        raise PipelineError(
            f"the Ray cluster failed: {one_line(error)}: repeat the command to continue"
        ) from error
    finally:
        ray.shutdown()


def _check_reachable(address: str) -> None:
    """Raise UsageError if `address` is HOST:PORT and nothing listens there; Ray itself would retry
    for minutes."""
    host, _, port = address.rpartition(":")
    if "://" in address or not port.isdecimal():
        return
    try:
        socket.create_connection((host, int(port)), timeout=SECONDS_TO_CONNECT).close()
    except OSError as error:
        raise UsageError(f"no Ray cluster at --ray_address {address}: {error}") from error
