"""A flag that a loop polls, set by SIGTERM (a cluster's preemption) and Ctrl-C."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class StopRequest:
    """True once a signal has arrived; `exit_code` is then the shell's code for that signal."""

    def __init__(self) -> None:
        self.exit_code = 0

    def __call__(self) -> bool:
        return bool(self.exit_code)


@contextmanager
def stop_request() -> Iterator[StopRequest]:
    """Yield a StopRequest. Inside the block the first SIGTERM or Ctrl-C only sets it; a second one
    ends the process at once."""
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
    """Ignore SIGTERM and Ctrl-C in a loader's worker process: they reach the whole process group,
    and the main process handles them."""
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, signal.SIG_IGN)
