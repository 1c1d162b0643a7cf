"""What was scored, in an SQLite file: by the file's content, the model and its settings. The same
clip is never decoded twice, whatever its name and however often the program was started."""

import json
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from errors import DataError
from scoring.file_facts import sha256
from scoring.video import VideoScore

TABLES = """
CREATE TABLE IF NOT EXISTS files (
    video BLOB PRIMARY KEY, size INTEGER, changed INTEGER, sha256 TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS scores (
    sha256 TEXT, model TEXT, settings TEXT, score TEXT NOT NULL,
    PRIMARY KEY (sha256, model, settings));
"""


class Ledger:
    """Scores by one model with one set of settings; other ones lie in the same file untouched."""

    def __init__(self, path: Path, checkpoint: Path, settings: str) -> None:
        """`settings`: all else that a score depends on, as text. Raise DataError for a file that is
        something else."""
        self.key = (sha256(checkpoint), settings)
        self.base = sqlite3.connect(path)
        try:
            self.base.executescript(TABLES)
        except sqlite3.DatabaseError as error:
            raise DataError(f"{path} is no ledger of scores ({error}): move it away") from error

    def __iter__(self) -> Iterator[VideoScore]:
        """What was scored, in that order."""
        rows = self.base.execute(
            "SELECT video, score FROM files JOIN scores USING (sha256) "
            "WHERE model = ? AND settings = ? ORDER BY files.rowid",
            self.key,
        )
        for video, score in rows.fetchall():
            yield replace(VideoScore.from_dict(json.loads(score)), video=os.fsdecode(video))

    def find(self, path: Path) -> VideoScore | None:
        """The score of this content, should there be one, under this name."""
        row = self.base.execute(
            "SELECT score FROM scores WHERE sha256 = ? AND model = ? AND settings = ?",
            (self._sha256(path), *self.key),
        ).fetchone()
        return replace(VideoScore.from_dict(json.loads(row[0])), video=str(path)) if row else None

    def add(self, path: Path, score: VideoScore) -> None:
        with self.base:
            self.base.execute(
                "INSERT OR REPLACE INTO scores VALUES (?, ?, ?, ?)",
                (self._sha256(path), *self.key, json.dumps(score.to_dict())),
            )

    def _sha256(self, path: Path) -> str:
        """Of its content, which is read when size or time of change are new."""
        name, stat = os.fsencode(path), path.stat()
        row = self.base.execute(
            "SELECT sha256 FROM files WHERE video = ? AND size = ? AND changed = ?",
            (name, stat.st_size, stat.st_mtime_ns),
        ).fetchone()
        if row:
            return row[0]
        digest = sha256(path)
        with self.base:
            self.base.execute(
                "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?)",
                (name, stat.st_size, stat.st_mtime_ns, digest),
            )
        return digest

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.base.close()
