"""A flag that a loop polls, set by Ctrl-C and by SIGTERM (which a cluster sends on preemption)."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
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
