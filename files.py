"""Files that appear whole or not at all."""

import os
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

PARTIAL = ".partial-"  # begins the name of what is being written


def replacing(path: Path) -> AbstractContextManager[Path]:
    """A file to write, which takes the place of `path` when the block ends: a kill leaves `path` as
    it was. For one writer at a time, who writes over what a kill left."""
    return _replacing(path, path.name)


def replacing_among_others(path: Path) -> AbstractContextManager[Path]:
    """The same where several processes may write `path` at once: the last one wins."""
    return _replacing(path, uuid.uuid4().hex)


@contextmanager
def _replacing(path: Path, name: str) -> Iterator[Path]:
    partial = path.with_name(f"{PARTIAL}{name}")
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
