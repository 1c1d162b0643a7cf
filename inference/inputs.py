"""Which videos are meant: files, folders, globs, and names from a pipe.

Files that cannot be judged are named all the same: each gets a row that says why."""

import glob
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from common.errors import UsageError
from common.preprocessing import VIDEO_ENDINGS


def find_videos(paths: Iterable[str]) -> list[Path]:
    """Files as named, of any ending; videos under folders; matches of globs; each once, in that
    order. `-` stands for names on standard input, a line each, taken as they are; separated by
    NUL where there is one (find -print0).

    Raise UsageError when a path gives nothing.
    """
    found: dict[Path, None] = {}
    for text in paths:
        if text == "-":
            named = _names(sys.stdin.buffer.read())
            if not named:
                raise UsageError("no name on standard input")
            videos = [video for name in named for video in _videos_at(name) or [Path(name)]]
        else:
            named = [text] if os.path.exists(text) else sorted(glob.glob(text, recursive=True))
            videos = [video for name in named for video in _videos_at(name)]
        if not videos:
            raise UsageError(f"no video at {text!r}")
        found |= dict.fromkeys(videos)
    return list(found)


def _names(data: bytes) -> list[str]:
    names = filter(None, os.fsdecode(data).split("\0" if b"\0" in data else "\n"))
    # Lists that were made on Windows end their lines in two characters.
    return [name if os.path.exists(name) else name.removesuffix("\r") for name in names]


def _videos_at(name: str) -> list[Path]:
    # Unlike Path's, these say no of a name that is too long or may not be looked at.
    return videos_under(Path(name)) if os.path.isdir(name) else [Path(name)]


def videos_under(folder: Path) -> list[Path]:
    """By name; among them links that lead nowhere, and folders that may not be looked into. Links
    to folders are not followed."""
    closed: list[OSError] = []
    found = [
        path
        for place, _, names in os.walk(folder, onerror=closed.append)
        for path in (Path(place, name) for name in names)
        if path.suffix.lower() in VIDEO_ENDINGS and not _no_file(path)
    ]
    return sorted([*found, *(Path(error.filename) for error in closed)])


def _no_file(path: Path) -> bool:
    """Such as a pipe, which would be waited for."""
    return os.path.exists(path) and not os.path.isfile(path)


def check_apart(folder: Path, paths: Sequence[str], videos: Sequence[Path]) -> None:
    """Raise UsageError where `folder`, which videos will be written into, is judged itself: now, or
    by the next such call."""
    # Unlike Path.resolve, realpath takes a link to itself.
    here = Path(os.path.realpath(folder))
    judged = filter(os.path.isdir, paths)
    within = any(here.is_relative_to(os.path.realpath(path)) for path in judged)
    if within or any(Path(os.path.realpath(video)).is_relative_to(here) for video in videos):
        raise UsageError("--save_video: choose a folder that is not judged itself")
