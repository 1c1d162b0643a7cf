"""Stores results in an SQLite file, by content of the video, model and settings (score.py --watch).

The same content is judged only once, also under another file name and after a restart.
"""

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from common.errors import DataError
from common.files import sha256
from inference.video_score import VideoScore

FileState = tuple[int, int]  # size in bytes, modification time in nanoseconds
TABLES = """
CREATE TABLE IF NOT EXISTS files (
    video BLOB PRIMARY KEY, size INTEGER, changed INTEGER, sha256 TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS scores (
    sha256 TEXT, model TEXT, settings TEXT, score TEXT NOT NULL,
    PRIMARY KEY (sha256, model, settings));
"""


class Ledger:
    """The results of one model with one set of settings. The file may also contain others."""

    def __init__(self, path: Path, model: str, settings: str) -> None:
        """Open or create the file. `model` is the SHA-256 of the checkpoint, `settings` a text that
        contains everything else that influences a result. Like all methods, raise DataError if the
        file is not a ledger, or cannot be read or written."""
        self.path = path
        self.key = (model, settings)
        with self._errors():
            self.connection = sqlite3.connect(path)
            self.connection.executescript(TABLES)

    def __iter__(self) -> Iterator[VideoScore]:
        """Yield the result of every file in the ledger, in the order in which the files were
        recorded. A file that has changed since is left out, a deleted file is not."""
        with self._errors():
            rows = self.connection.execute(
                "SELECT video, size, changed, score FROM files JOIN scores USING (sha256) "
                "WHERE model = ? AND settings = ? ORDER BY files.rowid",
                self.key,
            ).fetchall()
        for video, *known, score in rows:
            path = Path(os.fsdecode(video))
            if file_state(path) in (None, tuple(known)):
                yield self._parse(score, path)

    def digest(self, path: Path) -> str:
        """Return the SHA-256 of a file's content. The file is read only if its size or modification
        time differs from the recorded one. Raise OSError if it cannot be read."""
        name, state = os.fsencode(path), file_state(path)
        with self._errors():
            row = self.connection.execute(
                "SELECT size, changed, sha256 FROM files WHERE video = ?", (name,)
            ).fetchone()
        if row and row[:2] == state:
            return row[2]
        digest = sha256(path)
        with self._errors(), self.connection:
            self.connection.execute(
                "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?)",
                (name, *(state or (0, 0)), digest),
            )
        return digest

    def find(self, digest: str, path: Path) -> VideoScore | None:
        """Return the stored result for content with the SHA-256 `digest`, with `path` as its video.
        Return None if there is no result."""
        with self._errors():
            row = self.connection.execute(
                "SELECT score FROM scores WHERE sha256 = ? AND model = ? AND settings = ?",
                (digest, *self.key),
            ).fetchone()
        return self._parse(row[0], path) if row else None

    def add(self, digest: str, score: VideoScore) -> None:
        """Store the result for content with the SHA-256 `digest`."""
        with self._errors(), self.connection:
            self.connection.execute(
                "INSERT OR REPLACE INTO scores VALUES (?, ?, ?, ?)",
                (digest, *self.key, json.dumps(score.to_dict())),
            )

    def _parse(self, score: str, path: Path) -> VideoScore:
        try:
            return replace(VideoScore.from_dict(json.loads(score)), video=str(path))
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"{self.path} contains a result that is damaged or of a newer version"
            ) from error

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Convert errors of SQLite in the block to DataError."""
        try:
            yield
        except sqlite3.Error as error:
            raise DataError(f"{self.path} cannot be used as a ledger of scores: {error}") from error

    def close(self) -> None:
        self.connection.close()


def file_state(path: Path) -> FileState | None:
    """Return size and modification time of a file; None if it cannot be accessed."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_size, stat.st_mtime_ns
