"""The number of CPU cores that this process may use."""

import os
from pathlib import Path

QUOTA = Path("/sys/fs/cgroup/cpu.max")  # of a container: "200000 100000" is two cores, or "max …"


def usable() -> int:
    """Return the number of cores that this process may use: those of the machine, or fewer where
    its affinity or its container's quota says so; at least 1."""
    if hasattr(os, "sched_getaffinity"):
        limits = [len(os.sched_getaffinity(0)), _quota()]
    else:
        limits = [os.cpu_count(), _quota()]
    return min((limit for limit in limits if limit is not None), default=1)


def loader_workers(given: int | None, on_gpu: bool, processes: int = 1) -> int:
    """Return the number of processes that load data for a model: `given`, the value of --workers,
    or by default one for each core but the main process's if the model is on a GPU. On a CPU, more
    than one would take cores from the model. `processes` main processes share the cores."""
    if given is not None:
        return given
    free = usable() // processes - 1
    return max(0, free if on_gpu else min(1, free))


def _quota() -> int | None:
    """Return the whole number of cores of the container's quota; None if it has none."""
    try:
        allowed, period = QUOTA.read_text().split()
        return None if allowed == "max" else max(1, int(allowed) // int(period))
    except (OSError, ValueError, ZeroDivisionError):
        return None
