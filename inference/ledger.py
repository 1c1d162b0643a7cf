"""Stores results in an SQLite file, by content of the video, model and settings (score.py --watch).

The same content is judged only once, also under another file name and after a restart. A file is
only read again to learn that it is the same if its state on disk has changed.
"""

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from common.errors import DataError
from common.files import FileState, file_state, make_private
from inference.video_score import VideoScore

# Earlier versions had a table `files`, without the times and numbers by which a file is known now.
TABLES = """
CREATE TABLE IF NOT EXISTS contents (
    video BLOB PRIMARY KEY, size INTEGER, state TEXT NOT NULL, sha256 TEXT NOT NULL);
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
            make_private(path)
            self.connection.executescript(TABLES)

    def __iter__(self) -> Iterator[VideoScore]:
        """Yield the result of every file in the ledger, in the order in which the files were
        recorded. A file that has changed since is left out, a deleted file is not."""
        with self._errors():
            rows = self.connection.execute(
                "SELECT video, state, score FROM contents JOIN scores USING (sha256) "
                "WHERE model = ? AND settings = ? ORDER BY contents.rowid",
                self.key,
            ).fetchall()
        for video, known, score in rows:
            path = Path(os.fsdecode(video))
            state = file_state(path)
            if state is None or str(state) == known:
                yield self._parse(score, path)

    def digest(self, path: Path, state: FileState) -> str | None:
        """Return the recorded SHA-256 of a file's content; None if the file is new, or was in
        another state."""
        with self._errors():
            row = self.connection.execute(
                "SELECT sha256 FROM contents WHERE video = ? AND state = ?",
                (os.fsencode(path), str(state)),
            ).fetchone()
        return row[0] if row else None

    def knows_size(self, size: int) -> bool:
        """Return whether a recorded file has this size in bytes."""
        with self._errors():
            query = "SELECT 1 FROM contents WHERE size = ? LIMIT 1"
            return self.connection.execute(query, (size,)).fetchone() is not None

    def find(self, digest: str, path: Path) -> VideoScore | None:
        """Return the stored result for content with the SHA-256 `digest`, with `path` as its video.
        Return None if there is no result."""
        with self._errors():
            row = self.connection.execute(
                "SELECT score FROM scores WHERE sha256 = ? AND model = ? AND settings = ?",
                (digest, *self.key),
            ).fetchone()
        return self._parse(row[0], path) if row else None

    def add(self, score: VideoScore, state: FileState) -> None:
        """Store the result for a file that was read in the given state."""
        with self._errors(), self.connection:
            self.connection.execute(
                "INSERT OR REPLACE INTO contents VALUES (?, ?, ?, ?)",
                (os.fsencode(score.video), state.size, str(state), score.sha256),
            )
            self.connection.execute(
                "INSERT OR REPLACE INTO scores VALUES (?, ?, ?, ?)",
                (score.sha256, *self.key, json.dumps(score.to_dict())),
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
