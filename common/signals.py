"""Being asked to end: SIGTERM (a cluster's preemption) and Ctrl-C."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class StopRequest:
    """Becomes true when a signal came; `exit_code` is then the shell's for that signal."""

    def __init__(self) -> None:
        self.exit_code = 0

    def __call__(self) -> bool:
        return bool(self.exit_code)


@contextmanager
def stop_request() -> Iterator[StopRequest]:
    """Inside, the first SIGTERM or Ctrl-C only makes the request true; another one ends at once."""
    request = StopRequest()

    def note(number: int, _: FrameType | None) -> None:
        request.exit_code = 128 + number
        for name, handler in before.items():
            signal.signal(name, handler)

    before = {name: signal.signal(name, note) for name in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield request
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)


def ignore_signals(_: int = 0) -> None:
    """For the processes of a loader: what comes to the whole group is the main process's to
    handle."""
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, signal.SIG_IGN)
