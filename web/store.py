"""The files that a server has accepted, in SQLite: who sent them, their state, and the verdict.

A file is queued, then working, then done. A server that was killed finds every file that it had
accepted, and judges those without a verdict.
"""

import hashlib
import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.errors import DataError
from common.files import make_private

TABLES = """
PRAGMA secure_delete = ON;
CREATE TABLE IF NOT EXISTS videos (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, owner TEXT NOT NULL,
    name TEXT NOT NULL, size INTEGER NOT NULL, sha256 TEXT NOT NULL, settings TEXT NOT NULL,
    state TEXT NOT NULL,
    created REAL NOT NULL, finished REAL, verdict TEXT, result TEXT);
CREATE INDEX IF NOT EXISTS by_owner ON videos (owner, number);
CREATE INDEX IF NOT EXISTS by_content ON videos (owner, sha256);
ATTACH ':memory:' AS forgetting;
CREATE TABLE forgetting.judged AS SELECT * FROM videos WHERE FALSE;
CREATE TEMP VIEW known AS SELECT * FROM main.videos UNION ALL SELECT * FROM forgetting.judged;
"""
WAIT = 30.0  # seconds to wait for another process that uses the file
PAGE = 50  # videos of one answer of `page`


@dataclass(frozen=True)
class Video:
    """One accepted file."""

    number: int  # in the order of arrival
    id: str
    owner: str
    name: str  # as the sender called it; never a path
    size: int  # in bytes
    sha256: str
    settings: str  # that influence the verdict: a hash
    state: str  # queued, working or done
    created: float  # seconds since 1970
    finished: float | None
    verdict: str | None
    result: dict[str, Any] | None  # as in scores.json


class Store:
    """The table of accepted files. May be used by several threads."""

    def __init__(self, path: Path, settings: str, forget: bool = False) -> None:
        """Open or create the file. `settings` is a text that contains what influences a verdict,
        beside the file. With `forget`, verdicts are in memory only, and a file leaves the store on
        disk when it is judged. Like all methods, raise DataError if the file cannot be used. Files
        that a killed server worked on, or that wait since it had other settings, are queued."""
        self.path = path
        self.forget = forget
        self.settings = hashlib.sha256(settings.encode()).hexdigest()
        self._lock = threading.Lock()
        with self._errors():
            self.connection = sqlite3.connect(path, timeout=WAIT, check_same_thread=False)
            self.connection.row_factory = sqlite3.Row
            make_private(path)
            self.connection.executescript(TABLES)
        self._write(
            "UPDATE videos SET state = 'queued', settings = ? WHERE state != 'done'", self.settings
        )

    def add(self, video_id: str, owner: str, name: str, size: int, sha256: str) -> Video:
        """Queue a file."""
        self._write(
            "INSERT INTO videos (id, owner, name, size, sha256, settings, state, created) "
            "VALUES (?, ?, ?, ?, ?, ?, 'queued', ?)",
            *(video_id, owner, name, size, sha256, self.settings, time.time()),
        )
        video = self.find(video_id, owner)
        assert video is not None
        return video

    def take(self) -> Video | None:
        """Return the file that waits longest and mark it as worked on; None if none waits."""
        with self._errors(), self.connection:
            row = self.connection.execute(
                "UPDATE videos SET state = 'working' WHERE number = (SELECT number FROM videos "
                "WHERE state = 'queued' ORDER BY number LIMIT 1) RETURNING *"
            ).fetchone()
        return _video(row) if row else None

    def finish(self, video_id: str, result: dict[str, Any]) -> None:
        """Store the verdict on a file; nothing if it was deleted meanwhile."""
        values = (time.time(), result["verdict"], json.dumps(result), video_id)
        if not self.forget:
            self._write(
                "UPDATE videos SET state = 'done', finished = ?, verdict = ?, result = ? "
                "WHERE id = ?",
                *values,
            )
            return
        with self._errors(), self.connection:
            self.connection.execute(
                "INSERT INTO forgetting.judged SELECT number, id, owner, name, size, sha256, "
                "settings, 'done', created, ?, ?, ? FROM videos WHERE id = ?",
                values,
            )
            self.connection.execute("DELETE FROM videos WHERE id = ?", [video_id])

    def find(self, video_id: str, owner: str) -> Video | None:
        """Return a file of one owner; None if there is no such file."""
        return self._one("SELECT * FROM known WHERE id = ? AND owner = ?", video_id, owner)

    def judged_before(self, sha256: str, owner: str) -> Video | None:
        """Return a file of the same owner with this content that was judged with the same settings;
        None if there is none. A file that could not be read is read again: the cause may be gone.
        """
        return self._one(
            "SELECT * FROM known WHERE sha256 = ? AND owner = ? AND settings = ? AND "
            "verdict NOT IN ('unreadable', 'timeout') ORDER BY number DESC LIMIT 1",
            *(sha256, owner, self.settings),
        )

    def page(self, owner: str, verdict: str | None, text: str, before: int | None) -> list[Video]:
        """Return up to PAGE files of an owner, the newest first: with this verdict unless it is
        None, with `text` in the name, and with a number below `before` unless it is None."""
        query = "SELECT * FROM known WHERE owner = ? AND instr(lower(name), lower(?)) > 0"
        values: list[Any] = [owner, text]
        if verdict is not None:
            query, values = f"{query} AND verdict = ?", [*values, verdict]
        if before is not None:
            query, values = f"{query} AND number < ?", [*values, before]
        with self._errors():
            rows = self.connection.execute(
                f"{query} ORDER BY number DESC LIMIT {PAGE}", values
            ).fetchall()
        return [_video(row) for row in rows]

    def position(self, video: Video) -> int:
        """Return how many files are judged before a queued one."""
        return self._number(
            "SELECT COUNT(*) FROM videos WHERE state != 'done' AND number < ?", video.number
        )

    def waiting(self) -> int:
        """Return the number of files without a verdict."""
        return self._number("SELECT COUNT(*) FROM videos WHERE state != 'done'")

    def bytes_kept(self, also_judged: bool = True) -> int:
        """Return the size of all files, or of those without a verdict."""
        which = "" if also_judged else " WHERE state != 'done'"
        return self._number(f"SELECT COALESCE(SUM(size), 0) FROM videos{which}")

    def counts(self) -> dict[str, int]:
        """Return the number of files by verdict."""
        with self._errors():
            rows = self.connection.execute(
                "SELECT verdict, COUNT(*) FROM known WHERE state = 'done' GROUP BY verdict"
            ).fetchall()
        return {row[0]: row[1] for row in rows}

    def expired(self, before: float) -> list[Video]:
        """Return the files that were judged before a time (seconds since 1970)."""
        with self._errors():
            rows = self.connection.execute(
                "SELECT * FROM known WHERE finished < ?", [before]
            ).fetchall()
        return [_video(row) for row in rows]

    def ids(self) -> set[str]:
        """Return the ids of all files."""
        with self._errors():
            return {row[0] for row in self.connection.execute("SELECT id FROM videos")}

    def delete(self, video_id: str) -> None:
        for table in ("main.videos", "forgetting.judged"):
            self._write(f"DELETE FROM {table} WHERE id = ?", video_id)

    def close(self) -> None:
        self.connection.close()

    def _write(self, query: str, *values: Any) -> None:
        with self._errors(), self.connection:
            self.connection.execute(query, values)

    def _one(self, query: str, *values: Any) -> Video | None:
        with self._errors():
            row = self.connection.execute(query, values).fetchone()
        return _video(row) if row else None

    def _number(self, query: str, *values: Any) -> int:
        with self._errors():
            return int(self.connection.execute(query, values).fetchone()[0])

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Let one thread at a time use the connection, and convert SQLite's errors to DataError."""
        with self._lock:
            try:
                yield
            except sqlite3.Error as error:
                raise DataError(f"{self.path} cannot be used as a store: {error}") from error


def _video(row: sqlite3.Row) -> Video:
    values = dict(row)
    result = values.pop("result")
    return Video(**values, result=json.loads(result) if result else None)
