"""A process that runs tasks one after the other, within limits of time and memory.

Decoders run in it: one that hangs, crashes or needs too much memory ends this process and no other.
Imports nothing slow, so that the process can start before its parent has imported torch.
"""

import os
import signal
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.util import Finalize
from threading import Thread
from typing import Any

from common.errors import PipelineError, one_line
from common.signals import blocked_in_children

DIED = "the process that read it died"
SECONDS_TO_START = 300  # for a process that imports torch, on a busy machine
SECONDS_TO_END = 5  # that a killed process may take
MEMORY = 3_000_000_000  # bytes that the process may use

# Yields any number of answers and returns a result. It is sent to the process, so it must be a
# function of a module, or a functools.partial of one.
Task = Callable[[], Generator[Any, None, Any]]


@dataclass(frozen=True)
class Done:
    """The last answer to a task: what it returned."""

    result: Any


@dataclass(frozen=True)
class Failed:
    """The last answer to a task that raised an exception."""

    reason: str  # one line


class TaskTimeout(Exception):
    """A task did not answer in time. The message completes "the video is …"."""


class WorkerDied(Exception):
    """The process ended by itself; the message begins with DIED and says how."""


class Worker:
    """A process that runs tasks in the order in which they are submitted."""

    def __init__(self, module: str) -> None:
        """Start the process and return at once. The process imports `module` first."""
        context = get_context("spawn")  # torch's threads do not survive a fork
        self._tasks, tasks = context.Pipe()
        parent, self._alive = context.Pipe(duplex=False)  # the process ends when this one closes
        self._process = context.Process(target=_serve, args=(tasks, parent, module), daemon=True)
        with blocked_in_children(signal.SIGINT, signal.SIGTERM), _without_main():
            self._process.start()
        # Otherwise, at the program's end, multiprocessing would send a SIGTERM, which is blocked in
        # the process, and wait for it forever.
        Finalize(self, self._process.kill, exitpriority=10)
        tasks.close()
        parent.close()

    def begin(self, task: Task) -> None:
        """Let the process do its first task, and wait until it has. Raise PipelineError if it
        cannot."""
        self.submit(task)
        self.confirm()

    def confirm(self) -> None:
        """Wait until the process has started and done the first task that was submitted. Raise
        PipelineError if it cannot."""
        try:
            answer = self.receive(SECONDS_TO_START)
        except (TaskTimeout, WorkerDied) as error:
            answer = Failed(str(error))
        if isinstance(answer, Failed):
            raise PipelineError(
                f"the process that reads videos cannot start (is there enough memory?): "
                f"{answer.reason}"
            )

    def submit(self, task: Task) -> None:
        """Add a task. If the process has died, `receive` says so."""
        with suppress(OSError):
            self._tasks.send(task)

    def receive(self, timeout: float) -> Any:
        """Return the next answer of the first task that is not done: what it yields, and then a
        Done or a Failed. Raise TaskTimeout if there is none within `timeout` seconds, WorkerDied if
        the process has died, and a PipelineError that the task raised."""
        try:
            if not self._tasks.poll(timeout):
                raise TaskTimeout(f"not done after {timeout:g} s")
            answer = self._tasks.recv()
        except (EOFError, OSError) as error:
            raise WorkerDied(f"{DIED} ({self._cause_of_death()})") from error
        if isinstance(answer, PipelineError):
            raise answer
        return answer

    def _cause_of_death(self) -> str:
        self._process.join(SECONDS_TO_END)
        code = self._process.exitcode
        return f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"

    def interrupt(self) -> None:
        """End the process: whoever waits for an answer gets a WorkerDied."""
        self._process.kill()

    def kill(self) -> None:
        """End the process, whatever it does."""
        self._process.kill()
        self._process.join(SECONDS_TO_END)
        self._tasks.close()
        self._alive.close()


@contextmanager
def _without_main() -> Iterator[None]:
    """Hide the main module from processes that start in the block. They would import it, although
    no task is in it, and a script that starts a process without `if __name__ == "__main__"` would
    run again in each of them."""
    main = vars(sys.modules["__main__"])
    names = ("__spec__", "__file__")
    hidden = {name: main[name] for name in names if name in main}
    main.update(dict.fromkeys(names))
    try:
        yield
    finally:
        for name in names:
            del main[name]
        main.update(hidden)


def _serve(tasks: Connection, parent: Connection, module: str) -> None:
    """Run the tasks that arrive, until the parent ends."""
    Thread(target=_end_with, args=[parent], daemon=True).start()
    import_module(module)
    with suppress(EOFError, OSError):  # the parent has ended
        while True:
            _run(tasks.recv(), tasks)


def _end_with(parent: Connection) -> None:
    """Wait until the parent closes its end of the pipe or dies; then end this process, even while a
    decoder hangs."""
    with suppress(EOFError, OSError):
        parent.recv_bytes()
    os._exit(0)


def _run(task: Task, connection: Connection) -> None:
    """Send what the task yields, and then a Done, a Failed or a PipelineError."""
    answers = task()
    try:
        while True:
            connection.send(next(answers))
    except StopIteration as end:
        connection.send(Done(end.value))
    except PipelineError as error:
        connection.send(error)
    except Exception as error:  # decoders raise exceptions of many types for damaged files
        connection.send(Failed(one_line(error)))


def limit() -> Generator[None, None, None]:
    """Set the limits of this process: it can use about MEMORY bytes of physical memory (on Linux;
    further memory is refused, which is a MemoryError in Python), and print nothing. Libraries print
    when they crash, which would garble the results. A task that yields nothing."""
    yield from ()
    silent = os.open(os.devnull, os.O_WRONLY)
    for output in (1, 2):
        os.dup2(silent, output)
    if sys.platform != "linux":
        return
    import resource

    with open("/proc/self/status", encoding="utf-8") as file:
        sizes = dict(line.split(":", 1) for line in file)
    used, writable = (int(sizes[name].split()[0]) << 10 for name in ("VmRSS", "VmData"))  # kB
    # Not RLIMIT_AS: it counts address space that threads reserve and never use.
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (writable + max(0, MEMORY - used), most))
