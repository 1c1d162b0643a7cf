"""The tasks of an Extractor's process: reads, hashes and extracts one file."""

import hashlib
import os
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

from common.preprocessing import FaceConfig
from faces.detect import FaceDetector
from faces.extract import extract_windows
from faces.sampling import Span
from inference.answers import End, Window
from inference.worker import MEMORY, limit

OPEN_FILES = Path("/proc/self/fd")  # Linux: contains every open file under its number

_detector: FaceDetector  # made by `prepare`


def prepare(config: FaceConfig) -> Generator[None, None, None]:
    """Make the face detector, and set the limits of this process."""
    global _detector
    # On the CPU, as in preprocessing: a GPU's rounding could move a crop by a pixel.
    _detector = FaceDetector(config)
    limit()
    yield from ()


def extract(video: Path, span: Span) -> Generator[Window, None, End]:
    """Yield the windows of a video and return its End. The file is opened once: the bytes that are
    decoded are those that are hashed, even if another file takes its name meanwhile."""
    readable = True
    try:
        with _opened(video) as (file, path):
            before = _state(file)
            started = time.monotonic()
            for extraction in extract_windows(path, _detector, span):
                readable = extraction.status != "unreadable"
                yield Window(extraction, time.monotonic() - started)
                started = time.monotonic()
            return _end(video, file, path, before) if readable else End(video)
    except MemoryError:
        reason = f"it needs more than {MEMORY / 1e9:g} GB of memory"
        return End(video, status="unreadable", detail=reason)


def hash_file(video: Path) -> Generator[None, None, End]:
    """Return the End of a file that is only hashed."""
    with _opened(video) as (file, path):
        yield from ()
        return _end(video, file, path, _state(file))


@contextmanager
def _opened(video: Path) -> Iterator[tuple[BufferedReader | None, Path]]:
    """Yield the open file and a path that leads to it even if the file is renamed or replaced. If
    it cannot be opened, yield None and `video`, of which extract_windows says what is wrong."""
    try:
        file = video.open("rb") if video.is_file() else None
    except OSError:
        file = None
    if file is None:
        yield None, video
        return
    with file:
        path = OPEN_FILES / str(file.fileno())
        yield file, path if path.exists() else video


def _state(file: BufferedReader | None) -> tuple[int, ...]:
    """Return numbers that change with the content of an open file, but not with its name."""
    if file is None:
        return ()
    stat = os.fstat(file.fileno())
    return stat.st_size, stat.st_mtime_ns


def _end(video: Path, file: BufferedReader | None, path: Path, before: tuple[int, ...]) -> End:
    """Return the End of a video that was read from `path`, with the hash of its file. `before` is
    the state of the file when it was opened."""
    if file is None:
        return End(video)
    started = time.monotonic()
    digest = hashlib.file_digest(file, "sha256").hexdigest()
    if _state(file) != before or not os.path.samestat(os.fstat(file.fileno()), path.stat()):
        reason = "the file changed while it was read"
        return End(video, status="unreadable", detail=reason)
    return End(video, before[0], time.monotonic() - started, digest)
