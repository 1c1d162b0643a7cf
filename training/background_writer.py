"""Writes files in a thread of its own, while training continues."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import torch


class BackgroundWriter:
    """Runs one job at a time, in the order in which jobs are submitted. The process does not end
    before its jobs have ended, unless it is killed."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "writer")
        self._job: Future[None] | None = None

    def submit(self, write: Callable[[], None]) -> None:
        """Start a job after the previous one has ended. Raise the previous job's error."""
        self.wait()
        self._job = self._thread.submit(write)

    def wait(self) -> None:
        """Wait until the job has ended. Raise its error, once."""
        job, self._job = self._job, None
        if job is not None:
            job.result()


def snapshot(value: Any) -> Any:
    """Return a copy of a state that training changes: dicts and lists of tensors, which are copied
    to main memory, and of other values, which are not copied."""
    if isinstance(value, dict):
        return {key: snapshot(item) for key, item in value.items()}
    if isinstance(value, list):
        return [snapshot(item) for item in value]
    return value.detach().to("cpu", copy=True) if torch.is_tensor(value) else value
