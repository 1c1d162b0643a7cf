"""Files with the same bytes."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path


def same(files: Iterable[Path]) -> list[list[Path]]:
    """Groups of two and more files with the same content; empty files are no content.

    Only files of equal size are read.
    """
    by_size: dict[int, list[Path]] = defaultdict(list)
    for file in files:
        by_size[file.stat().st_size].append(file)
    by_content: dict[bytes, list[Path]] = defaultdict(list)
    for size, candidates in by_size.items():
        if size and len(candidates) > 1:
            for file in candidates:
                with file.open("rb") as stream:
                    by_content[hashlib.file_digest(stream, "sha256").digest()].append(file)
    return [group for group in by_content.values() if len(group) > 1]
