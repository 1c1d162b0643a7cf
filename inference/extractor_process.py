"""The tasks of an Extractor's process: reads, hashes and extracts one file."""

import time
from collections.abc import Generator
from pathlib import Path

from common.files import sha256
from common.preprocessing import FaceConfig
from faces.detect import FaceDetector
from faces.extract import extract_windows
from faces.sampling import Span
from inference.answers import End, Window
from inference.worker import limit

_detector: FaceDetector  # made by `prepare`


def prepare(config: FaceConfig) -> Generator[None, None, None]:
    """Make the face detector, and set the limits of this process."""
    global _detector
    # On the CPU, as in preprocessing: a GPU's rounding could move a crop by a pixel.
    _detector = FaceDetector(config)
    yield from limit()


def extract(video: Path, span: Span) -> Generator[Window, None, End]:
    """Yield the windows of a video and return its End. The bytes that are decoded are those that
    are hashed: a file that changes meanwhile, or whose name another file takes, is unreadable."""
    readable = True
    before = _state(video)
    started = time.monotonic()
    for extraction in extract_windows(video, _detector, span):
        readable = extraction.status != "unreadable"
        yield Window(extraction, time.monotonic() - started)
        started = time.monotonic()
    return _end(video, before) if readable else End(video)


def hash_file(video: Path) -> Generator[None, None, End]:
    """Return the End of a file that is only hashed."""
    yield from ()
    return _end(video, _state(video)) if video.is_file() else End(video)


def _state(video: Path) -> tuple[int, ...]:
    """Return numbers of which at least one changes with the content of a file, or if another file
    takes its name; empty if the file cannot be accessed."""
    try:
        stat = video.stat()
    except OSError:
        return ()
    return stat.st_size, stat.st_dev, stat.st_ino, stat.st_mtime_ns, stat.st_ctime_ns


def _end(video: Path, before: tuple[int, ...]) -> End:
    """Return the End of a video that was read, with the hash of its file. `before` is the state of
    the file before that."""
    started = time.monotonic()
    try:
        digest = sha256(video)
    except OSError:  # it is gone
        digest = ""
    if not digest or _state(video) != before:
        reason = "the file changed while it was read"
        return End(video, status="unreadable", detail=reason)
    return End(video, before[0], time.monotonic() - started, digest)
