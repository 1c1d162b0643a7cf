"""Reads judged videos again, for pages and marked videos, in a process of its own.

A file that could be judged may still crash or hang a decoder in the frames that were not sampled.
"""

from collections.abc import Iterator
from typing import Any

from common.errors import PipelineError, VideoError
from inference.worker import Done, Failed, Task, TaskTimeout, Worker, WorkerDied, limit

MODULE = "inference.marked_video"  # what the process imports at its start


class Rereader:
    """A worker process that the first task starts. After a task that ends it, another one is
    started."""

    def __init__(self, timeout: float) -> None:
        """`timeout` is the limit for each answer of a task, in seconds."""
        self.timeout = timeout
        self.worker: Worker | None = None

    def run(self, task: Task) -> Iterator[Any]:
        """Yield what a task yields. Raise VideoError if the task fails, does not answer in time or
        ends the process, PipelineError if the process cannot start."""
        worker = self._started()
        worker.submit(task)
        try:
            while not isinstance(answer := worker.receive(self.timeout), Done | Failed):
                yield answer
        except PipelineError:  # raised by the task
            raise
        except (TaskTimeout, WorkerDied) as error:
            self.close()
            raise VideoError(str(error)) from error
        except BaseException:  # the caller stops early: answers are on their way
            self.close()
            raise
        if isinstance(answer, Failed):
            raise VideoError(answer.reason)

    def _started(self) -> Worker:
        if self.worker is None:
            self.worker = Worker(MODULE)
            self.worker.begin(limit)
        return self.worker

    def close(self) -> None:
        """End the process, whatever it does."""
        if self.worker is not None:
            self.worker.kill()
        self.worker = None
