"""Files: written whole or not at all, hashed, measured, listed."""

import hashlib
import os
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

PARTIAL = ".partial-"  # prefix of the name of a file that is being written


def replacing(path: Path) -> AbstractContextManager[Path]:
    """Yield a path to write to; it replaces `path` when the block ends, so a kill leaves `path`
    unchanged. For a single writer: the next one overwrites what a kill has left."""
    return _replacing(path, path.name)


def replacing_among_others(path: Path) -> AbstractContextManager[Path]:
    """Do the same as `replacing` where several processes may write `path` at once: the last one
    wins."""
    return _replacing(path, uuid.uuid4().hex)


@contextmanager
def _replacing(path: Path, name: str) -> Iterator[Path]:
    partial = path.with_name(f"{PARTIAL}{name}")
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all, even when several processes write it at once."""
    with replacing_among_others(path) as partial:
        partial.write_text(text, encoding="utf-8", errors="backslashreplace", newline="")


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes as hexadecimal text."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def file_size(path: Path) -> int:
    """Return the size of a file in bytes; 0 when it cannot be read."""
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def list_folder(folder: Path) -> str:
    """Return the first names in a folder as text for an error message."""
    names = sorted(path.name for path in folder.iterdir())
    return (", ".join(names[:5]) + (", …" if len(names) > 5 else "")) or "nothing"
