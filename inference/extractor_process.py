"""The tasks of an Extractor's process: reads, hashes and extracts one file."""

import time
from collections.abc import Generator
from functools import lru_cache
from pathlib import Path

from common.files import FileState, file_state, sha256
from common.preprocessing import FaceConfig
from faces.detect import FaceDetector
from faces.extract import extract_windows
from faces.sampling import Span
from inference.answers import End, Window
from inference.worker import limit

_detector: FaceDetector  # chosen by `prepare`
_make_detector = lru_cache(maxsize=2)(FaceDetector)  # for videos that are read in two ways


def prepare(config: FaceConfig) -> Generator[None, None, None]:
    """Choose the face detector, and set the limits of this process."""
    global _detector
    # On the CPU, as in preprocessing: a GPU's rounding could move a crop by a pixel.
    _detector = _make_detector(config)
    yield from limit()


def extract(video: Path, span: Span) -> Generator[Window, None, End]:
    """Yield the windows of a video and return its End. The bytes that are decoded are those that
    are hashed: a file that changes meanwhile, or whose name another file takes, is unreadable."""
    readable = True
    before = file_state(video)
    started = time.monotonic()
    for extraction in extract_windows(video, _detector, span):
        readable = extraction.status != "unreadable"
        yield Window(extraction, time.monotonic() - started)
        started = time.monotonic()
    return _end(video, before) if readable else End(video)


def hash_file(video: Path) -> Generator[None, None, End]:
    """Return the End of a file that is only hashed."""
    yield from ()
    return _end(video, file_state(video)) if video.is_file() else End(video)


def _end(video: Path, before: FileState | None) -> End:
    """Return the End of a video that was read, with the hash of its file. `before` is the state of
    the file before that."""
    started = time.monotonic()
    try:
        digest = sha256(video)
    except OSError:  # it is gone
        digest = ""
    if not digest or before is None or file_state(video) != before:
        reason = "the file changed while it was read"
        return End(video, status="unreadable", detail=reason)
    return End(video, before.size, time.monotonic() - started, digest)
