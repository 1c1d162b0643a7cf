"""Finds videos with identical bytes: files, or folders of frames."""

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from common.media_files import video_sha256, video_size

Name = TypeVar("Name")


def same(files: Mapping[Name, Path], gone: Mapping[Name, tuple[int, str]]) -> list[list[Name]]:
    """Return groups of two or more names whose files have identical bytes; empty files are ignored.

    `files` maps names to videos on disk, `gone` maps names of deleted files to their size in bytes
    and their SHA-256. A video is read only if another one has the same size.
    """
    by_size: dict[int, list[tuple[Name, Path | str]]] = defaultdict(list)
    for name, file in files.items():
        by_size[video_size(file)].append((name, file))
    for name, (size, digest) in gone.items():
        by_size[size].append((name, digest))
    by_content: dict[str, list[Name]] = defaultdict(list)
    for size, candidates in by_size.items():
        if size and len(candidates) > 1:
            for name, content in candidates:
                digest = video_sha256(content) if isinstance(content, Path) else content
                by_content[digest].append(name)
    return [group for group in by_content.values() if len(group) > 1]
