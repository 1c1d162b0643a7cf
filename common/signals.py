"""Ctrl-C and SIGTERM: a flag that a loop polls, and child processes that do not see them.

A cluster sends SIGTERM on preemption.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from types import FrameType


class StopRequest:
    """A callable that returns True once a signal has arrived. `exit_code` is then 128 plus the
    signal's number, as in shells; before that it is 0."""

    def __init__(self) -> None:
        self.exit_code = 0

    def __call__(self) -> bool:
        return bool(self.exit_code)


@contextmanager
def stop_request() -> Iterator[StopRequest]:
    """Yield a StopRequest. The first SIGTERM or Ctrl-C in the block sets it and restores the
    previous signal handlers, so that a second signal ends the process."""
    request = StopRequest()

    def set_request(number: int, _: FrameType | None) -> None:
        request.exit_code = 128 + number
        for name, handler in before.items():
            signal.signal(name, handler)

    before = {name: signal.signal(name, set_request) for name in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield request
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)


def ignore_signals(_: int = 0) -> None:
    """Ignore SIGTERM and Ctrl-C in a loader's worker process. These signals reach the whole process
    group; only the main process should handle them."""
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, signal.SIG_IGN)


@contextmanager
def blocked_in_children(*signals: signal.Signals) -> Iterator[None]:
    """Block `signals` in processes and threads that are started in the block. They inherit this for
    good, so they see none of these signals, which reach the whole process group, not even while
    they import modules; the main process handles them. Windows has no such masks: there, Ctrl-C
    also reaches the children."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # if it started later, it would unblock the signals
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
