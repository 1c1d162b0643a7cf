"""Names of videos, and tasks, that do what a decoder may do to the process that it runs in.

A worker process imports this module, within its time limit, so it imports nothing slow.
"""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path, PosixPath

import numpy as np

from common.errors import VideoError


class Crashing(PosixPath):
    """Ends the process that looks at it, as a codec with a bug does."""

    def is_file(self) -> bool:
        os.kill(os.getpid(), signal.SIGSEGV)
        return True


class Hanging(PosixPath):
    def is_file(self) -> bool:
        Path(f"{self}.begun").touch()
        time.sleep(1000)
        return True


class Greedy(PosixPath):
    """Asks for 4 GiB, which stay unused and are granted where there is no limit."""

    def is_file(self) -> bool:
        return bool(np.empty(1 << 32, np.uint8).size)


class Odd(PosixPath):
    """Makes a reader fail in a way that nobody expects."""

    def is_file(self) -> bool:
        raise LookupError("no such\ntrack")


def crash() -> Iterator[int]:
    yield 1
    os.kill(os.getpid(), signal.SIGSEGV)


def hang() -> Iterator[int]:
    yield 1
    time.sleep(1000)


def fail() -> Iterator[int]:
    yield 1
    raise VideoError("its end is lost")


def count() -> Iterator[int]:
    yield from range(3)
