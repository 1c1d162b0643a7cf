"""Runs tasks on a Ray cluster. Every node must be able to access all files under the same paths."""

import os
import shutil
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from common import threads
from common.errors import PipelineError, UsageError, one_line
from common.loopback import LOOPBACK

REPOSITORY = Path(__file__).resolve().parents[1]
CODE = (".py", ".html")  # endings of the files that are copied to the workers
OLDEST = (2, 52)  # the first version with token authentication
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
    Raise UsageError if Ray is not installed or too old, the cluster is on another machine and has
    no token authentication, it cannot be reached or no node has a GPU, PipelineError if the cluster
    fails, and the exception of a task that raises one.
    """
    _check_authenticated(address)
    try:
        import ray
    except ImportError as error:
        raise UsageError("--engine ray needs Ray: pip install -r requirements-ray.txt") from error
    if tuple(map(int, ray.__version__.split(".")[:2])) < OLDEST:
        raise UsageError(
            f"--engine ray needs Ray {'.'.join(map(str, OLDEST))}, but {ray.__version__} is "
            "installed: pip install -r requirements-ray.txt"
        )
    _check_reachable(address)
    # Workers import the code from their working directory, a copy of it.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray would report to its makers
    try:
        with TemporaryDirectory() as code:
            copy_code(REPOSITORY, Path(code))
            environment = {"working_dir": code, "env_vars": threads.settings()}
            ray.init(address, runtime_env=environment, log_to_driver=False, include_dashboard=False)
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


def copy_code(root: Path, target: Path) -> None:
    """Copy the code of the repository `root` to the folder `target`: modules and page templates in
    it and in its packages. Videos, crops and scores of a user may lie beside them."""
    packages = [path.parent for path in root.glob("*/__init__.py")]
    files = [*root.glob("*.py"), *(file for package in packages for file in package.rglob("*"))]
    for file in files:
        if file.suffix in CODE:
            copy = target / file.relative_to(root)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)


def _check_authenticated(address: str) -> None:
    """Raise UsageError if `address` may be on another machine and token authentication is off:
    without it, everybody who can reach a cluster can run code on it, and it on this machine."""
    host = address.rpartition(":")[0].strip("[]")
    if address == "local" or host in LOOPBACK or os.environ.get("RAY_AUTH_MODE") == "token":
        return
    raise UsageError(
        f"--ray_address {address}: set RAY_AUTH_MODE=token here and on every node "
        "(docs/scaling.md): without it, everybody who can reach the cluster can run code on it"
    )


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
