"""Ends a call of score.py at the first SIGTERM or Ctrl-C, but never while results are written."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Self

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Interrupted(KeyboardInterrupt):
    """Raised where the main thread is when a signal arrives."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = 128 + number  # as in shells


class Interrupts:
    """In the `with` block, the first SIGTERM or Ctrl-C raises Interrupted, and a second one ends
    the process."""

    def __init__(self) -> None:
        self._arrived = 0  # number of the signal
        self._deferred = False

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, self._handle) for number in SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, _: FrameType | None) -> None:
        self.__exit__()
        self._arrived = number
        if not self._deferred:
            raise Interrupted(number)

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Let the block end before a signal raises Interrupted."""
        self._deferred = True
        try:
            yield
        finally:
            self._deferred = False
        if self._arrived:
            raise Interrupted(self._arrived)
