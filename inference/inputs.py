"""Finds the videos to judge: files, folders, glob patterns, or file names from standard input.

Images are judged like videos of one frame. Files that cannot be judged are included, so that each
gets a row that states the reason.
"""

import glob
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from common import media_files
from common.errors import UsageError


def find_videos(paths: Iterable[str]) -> list[Path]:
    """Return the videos that `paths` name, each once, in the order of `paths`.

    A path is a file (with any name), a folder (all videos under it), a glob pattern, or `-`: file
    names from standard input, separated by NUL if there is one (`find -print0`), else by line
    breaks. A name from standard input is returned even if no such file exists. Raise UsageError if
    a path names no video.
    """
    videos: dict[Path, None] = {}
    for text in paths:
        if text == "-":
            names = _read_names(sys.stdin.buffer.read())
            if not names:
                raise UsageError("no name on standard input")
            named = [video for name in names for video in _videos_at(name) or [Path(name)]]
        else:
            names = [text] if os.path.exists(text) else sorted(glob.glob(text, recursive=True))
            named = [video for name in names for video in _videos_at(name)]
        if not named:
            raise UsageError(f"no video at {text!r}")
        videos |= dict.fromkeys(named)
    return list(videos)


def _read_names(data: bytes) -> list[str]:
    names = filter(None, os.fsdecode(data).split("\0" if b"\0" in data else "\n"))
    # Lines of a list made on Windows end with \r\n.
    return [name if os.path.exists(name) else name.removesuffix("\r") for name in names]


def _videos_at(name: str) -> list[Path]:
    # Unlike Path.is_dir, os.path.isdir raises nothing for a name that is too long or invalid.
    return videos_under(Path(name)) if os.path.isdir(name) else [Path(name)]


def videos_under(folder: Path) -> list[Path]:
    """Return the videos and images under a folder, at any depth, sorted by path, without hidden
    files and junk (common/media_files.py). Broken links with the ending of a video and folders that
    cannot be read are included. Links to folders are not followed."""
    unreadable: list[OSError] = []
    videos = [
        path
        for parent, names in media_files.walk(folder, unreadable.append)
        for path in (parent / name for name in names)
        if not _is_special(path)
    ]
    return sorted([*videos, *(Path(error.filename) for error in unreadable)])


def _is_special(path: Path) -> bool:
    """Return whether `path` exists and is not a regular file. Opening a pipe would block."""
    return os.path.exists(path) and not os.path.isfile(path)


def check_apart(folder: Path, paths: Sequence[str], videos: Sequence[Path]) -> None:
    """Raise UsageError if videos written to `folder` would be judged by the same command: if
    `folder` lies in a folder of `paths`, or one of `videos` lies in `folder`."""
    # Unlike Path.resolve, realpath raises nothing for a link to itself.
    output = Path(os.path.realpath(folder))
    judged = filter(os.path.isdir, paths)
    within = any(output.is_relative_to(os.path.realpath(path)) for path in judged)
    if within or any(Path(os.path.realpath(video)).is_relative_to(output) for video in videos):
        raise UsageError("--save_video: choose a folder that is not judged itself")
