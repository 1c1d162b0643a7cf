"""What was scored, in an SQLite file: by the file's content, the model and its settings. The same
clip is never decoded twice, whatever its name and however often the program was started."""

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

State = tuple[int, int]  # of a file: size, time of its last change in nanoseconds
TABLES = """
CREATE TABLE IF NOT EXISTS files (
    video BLOB PRIMARY KEY, size INTEGER, changed INTEGER, sha256 TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS scores (
    sha256 TEXT, model TEXT, settings TEXT, score TEXT NOT NULL,
    PRIMARY KEY (sha256, model, settings));
"""


class Ledger:
    """Scores by one model with one set of settings; other ones lie in the same file untouched."""

    def __init__(self, path: Path, model: str, settings: str) -> None:
        """`model`: SHA-256 of the checkpoint; `settings`: all else that a score depends on, as
        text. Raise DataError, as every method, for a file that is something else or cannot be
        used."""
        self.path = path
        self.key = (model, settings)
        with self._errors():
            self.base = sqlite3.connect(path)
            self.base.executescript(TABLES)

    def __iter__(self) -> Iterator[VideoScore]:
        """What was scored, in that order, but for files that have changed since."""
        with self._errors():
            rows = self.base.execute(
                "SELECT video, size, changed, score FROM files JOIN scores USING (sha256) "
                "WHERE model = ? AND settings = ? ORDER BY files.rowid",
                self.key,
            ).fetchall()
        for video, *known, score in rows:
            path = Path(os.fsdecode(video))
            if state(path) in (None, tuple(known)):
                yield self._named(score, path)

    def digest(self, path: Path) -> str:
        """SHA-256 of a file's content, which is read when size or time of change are new. Raise
        OSError for one that cannot be read."""
        name, known = os.fsencode(path), state(path)
        with self._errors():
            row = self.base.execute(
                "SELECT size, changed, sha256 FROM files WHERE video = ?", (name,)
            ).fetchone()
        if row and row[:2] == known:
            return row[2]
        digest = sha256(path)
        with self._errors(), self.base:
            self.base.execute(
                "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?)",
                (name, *(known or (0, 0)), digest),
            )
        return digest

    def find(self, digest: str, path: Path) -> VideoScore | None:
        """The score of this content, should there be one, under this name."""
        with self._errors():
            row = self.base.execute(
                "SELECT score FROM scores WHERE sha256 = ? AND model = ? AND settings = ?",
                (digest, *self.key),
            ).fetchone()
        return self._named(row[0], path) if row else None

    def add(self, digest: str, score: VideoScore) -> None:
        with self._errors(), self.base:
            self.base.execute(
                "INSERT OR REPLACE INTO scores VALUES (?, ?, ?, ?)",
                (digest, *self.key, json.dumps(score.to_dict())),
            )

    def _named(self, score: str, path: Path) -> VideoScore:
        try:
            return replace(VideoScore.from_dict(json.loads(score)), video=str(path))
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"{self.path} holds a score that is damaged or newer") from error

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise DataError(f"{self.path} cannot be used as a ledger of scores: {error}") from error

    def close(self) -> None:
        self.base.close()


def state(path: Path) -> State | None:
    """None for a file that is not there."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_size, stat.st_mtime_ns
