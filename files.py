"""Files that appear whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PARTIAL = ".partial-"  # begins the name of what is being written


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A file to write, which takes the place of `path` when the block ends: a kill leaves `path` as
    it was. For one writer at a time, who writes over what a kill left."""
    partial = path.with_name(f"{PARTIAL}{path.name}")
    yield partial
    os.replace(partial, path)
