"""Atomic writing of files, and their hashes, sizes, states and names."""

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

PARTIAL = ".partial-"  # prefix of the name of a file that is being written


def replacing(path: Path) -> AbstractContextManager[Path]:
    """Yield a temporary path, and rename it to `path` when the block ends. If the block raises or
    the process is killed, `path` stays unchanged.

    Only for files with a single writer: the temporary name is always the same, so that a file left
    by a killed process is overwritten.
    """
    return _replacing(path, path.name)


def replacing_among_others(path: Path) -> AbstractContextManager[Path]:
    """Yield a temporary path with a unique name, and rename it to `path` when the block ends, so
    that several processes may write `path` at the same time: the last one wins. If the block raises
    or the process is killed, `path` stays unchanged."""
    return _replacing(path, uuid.uuid4().hex)


@contextmanager
def _replacing(path: Path, name: str) -> Iterator[Path]:
    partial = path.with_name(f"{PARTIAL}{name}")
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def sweep(folder: Path) -> None:
    """Delete partial files and folders that killed processes left in `folder`. Do not call this
    while another process is writing there."""
    for partial in folder.glob(f"{PARTIAL}*"):
        if partial.is_dir():
            shutil.rmtree(partial, ignore_errors=True)
        else:
            with suppress(PermissionError):
                partial.unlink(missing_ok=True)


@contextmanager
def private_files() -> Iterator[None]:
    """Make new files and folders accessible to their owner only (0600 and 0700) in the block."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


def make_private(path: Path) -> None:
    """Make an existing file accessible to its owner only, unless it belongs to somebody else."""
    with suppress(PermissionError):
        path.chmod(0o600)


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all, even when several processes write it at once."""
    with replacing_among_others(path) as partial:
        partial.write_text(text, encoding="utf-8", errors="backslashreplace", newline="")


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file's content as hexadecimal text."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def file_size(path: Path) -> int:
    """Return the size of a file in bytes; 0 if it does not exist or is not accessible."""
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


class FileState(NamedTuple):
    """Numbers of which at least one changes with the content of a file. A program can set the
    modification time, but not the time of the last change."""

    size: int  # in bytes
    modified: int  # in nanoseconds
    changed: int  # of content, name or permissions, in nanoseconds
    number: int  # of the file on its disk: another one if it was replaced

    def __str__(self) -> str:
        return json.dumps(self)


def file_state(path: Path) -> FileState | None:
    """Return the state of a file; None if it cannot be accessed."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return FileState(stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino)


def list_folder(folder: Path) -> str:
    """Return the first five names in a folder, sorted, as text for an error message."""
    names = sorted(path.name for path in folder.iterdir())
    return (", ".join(names[:5]) + (", …" if len(names) > 5 else "")) or "nothing"
