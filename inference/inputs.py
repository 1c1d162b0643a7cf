"""The videos that score.py's arguments name: files, folders, glob patterns, names from a pipe.

Files that cannot be judged are included, so that each gets a row that says why.
"""

import glob
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from common.errors import UsageError
from common.preprocessing import VIDEO_ENDINGS


def find_videos(paths: Iterable[str]) -> list[Path]:
    """Return files as named, with any ending; videos under folders; matches of glob patterns; each
    once, in this order. `-` reads names from standard input, one per line, or separated by NUL if
    there is one (find -print0).

    Raise UsageError for a path that names no file.
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
    # Lists made on Windows end their lines with \r\n.
    return [name if os.path.exists(name) else name.removesuffix("\r") for name in names]


def _videos_at(name: str) -> list[Path]:
    # Unlike Path's method, os.path.isdir accepts names that are too long or not permitted.
    return videos_under(Path(name)) if os.path.isdir(name) else [Path(name)]


def videos_under(folder: Path) -> list[Path]:
    """Return the videos under a folder by name, including broken links and folders without
    permission. Links to folders are not followed."""
    unreadable: list[OSError] = []
    videos = [
        path
        for parent, _, names in os.walk(folder, onerror=unreadable.append)
        for path in (Path(parent, name) for name in names)
        if path.suffix.lower() in VIDEO_ENDINGS and not _is_special(path)
    ]
    return sorted([*videos, *(Path(error.filename) for error in unreadable)])


def _is_special(path: Path) -> bool:
    """Return whether `path` is neither a file nor missing, such as a pipe, which would block."""
    return os.path.exists(path) and not os.path.isfile(path)


def check_apart(folder: Path, paths: Sequence[str], videos: Sequence[Path]) -> None:
    """Raise UsageError if `folder`, which videos will be written to, would itself be judged, by
    this call or by the next one like it."""
    # Unlike Path.resolve, realpath accepts a link to itself.
    output = Path(os.path.realpath(folder))
    judged = filter(os.path.isdir, paths)
    within = any(output.is_relative_to(os.path.realpath(path)) for path in judged)
    if within or any(Path(os.path.realpath(video)).is_relative_to(output) for video in videos):
        raise UsageError("--save_video: choose a folder that is not judged itself")
