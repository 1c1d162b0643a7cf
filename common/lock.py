"""Locks an output folder, so that only one process at a time writes to it.

The system releases a lock when its process ends, however it ends. The lock file stays, because
deleting it would let two processes lock two files of the same name.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from common.errors import UsageError
from common.files import sweep

LOCK = ".lock"
SECONDS = 10.0  # how long to wait for calls that only look whether a lock is held


@contextmanager
def only_writer(folder: Path) -> Iterator[None]:
    """Hold the lock of `folder`, which must exist, in the block, after deleting partial files that
    killed processes have left in it. Raise UsageError if another process holds the lock or one of
    the folder's shards (see `one_shard`)."""
    with _held(folder, LOCK):
        for path in sorted(folder.glob(f"{LOCK}-*")):
            with _held(folder, path.name):
                pass
        sweep(folder)
        yield


@contextmanager
def one_shard(folder: Path, k: int, n: int) -> Iterator[None]:
    """Hold the lock of shard `k` of `n` of `folder`, which must exist, in the block. Several shards
    may be held at once. Raise UsageError if another process holds this one or the whole folder."""
    with _held(folder, f"{LOCK}-{k}-of-{n}"):
        with _held(folder, LOCK, SECONDS):
            pass
        yield


@contextmanager
def _held(folder: Path, name: str, seconds: float = 0.0) -> Iterator[None]:
    lock = FileLock(folder / name)
    try:
        lock.acquire(timeout=seconds)
    except Timeout as error:
        raise UsageError(
            f"another process is writing to {folder}: wait until it ends, or choose another folder"
        ) from error
    except NotImplementedError:  # a file system without locks
        print(
            f"warning: {folder} cannot be locked: let only one process at a time write to it",
            file=sys.stderr,
        )
    try:
        yield
    finally:
        lock.release()
