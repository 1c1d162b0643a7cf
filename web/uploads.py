"""Receives files: streams them to disk within limits, while their SHA-256 is computed."""

import asyncio
import hashlib
import os
import re
import secrets
import unicodedata
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

from common.files import PARTIAL
from web.problems import Problem
from web.settings import Settings
from web.store import Store

MAX_NAME = 200  # characters of a file's name that are kept
SECONDS_BETWEEN_PARTS = 30.0  # a slower client is cut off
ID = re.compile(r"[\w-]{22}")  # of a video: its file's name, and that of its page without .html
RETRY = "30"  # seconds after which a client may try again


class Room:
    """The room for further files: those that are being received count, too."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self.settings, self.store = settings, store
        self._files = self._bytes = 0  # being received

    @contextmanager
    def reserved(self, size: int) -> Iterator[None]:
        """Reserve room for a file of `size` bytes in the block. Raise Problem if there is none."""
        settings, again = self.settings, {"Retry-After": RETRY}
        if self.store.waiting() + self._files >= settings.max_queue:
            raise Problem(429, f"{settings.max_queue} files wait already: try later", again)
        kept = self.store.bytes_kept(also_judged=settings.keep_hours > 0)
        if kept + self._bytes + size > settings.max_disk:
            raise Problem(429, "the disk space of this server is used up: delete videos", again)
        self._files, self._bytes = self._files + 1, self._bytes + size
        try:
            yield
        finally:
            self._files, self._bytes = self._files - 1, self._bytes - size


def is_own(path: Path) -> bool:
    """Return whether a file in the folders of a server was written by it."""
    named = path.name.startswith(PARTIAL) or ID.fullmatch(path.name.removesuffix(".html"))
    return path.is_file() and bool(named)


@dataclass(frozen=True)
class Upload:
    """A file that has arrived."""

    id: str
    path: Path
    size: int  # in bytes
    sha256: str


async def receive(parts: AsyncIterator[bytes], settings: Settings) -> Upload:
    """Write the parts of a file to the folder of uploads. Raise Problem if it is empty, too large
    or too slow; nothing of it is kept then."""
    video_id = secrets.token_urlsafe(16)
    path = settings.uploads / video_id
    digest, size = hashlib.sha256(), 0
    try:
        with path.open("xb") as file:
            async for part in in_time(parts):
                size += len(part)
                if size > settings.max_upload:
                    raise Problem(413, f"the file is larger than {settings.max_upload:,} bytes")
                digest.update(part)
                await asyncio.to_thread(file.write, part)
            await asyncio.to_thread(os.fsync, file.fileno())
        if not size:
            raise Problem(400, "the file is empty")
    except BaseException:  # also a client that is gone
        with suppress(OSError):
            path.unlink(missing_ok=True)
        raise
    return Upload(video_id, path, size, digest.hexdigest())


async def in_time(parts: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """Yield the parts of a body. Raise Problem if the client is too slow."""
    while True:
        try:
            part = await asyncio.wait_for(anext(parts, None), SECONDS_BETWEEN_PARTS)
        except TimeoutError as error:
            raise Problem(408, f"no data for {SECONDS_BETWEEN_PARTS:g} seconds") from error
        if part is None:
            return
        yield part


def clean_name(name: str) -> str:
    """Return a sender's name of a file as one harmless line to show: the last part of a path,
    without control characters, at most MAX_NAME characters."""
    last = PurePosixPath(PureWindowsPath(name).as_posix()).name
    kept = "".join(c for c in last if unicodedata.category(c)[0] != "C")
    kept = kept[:MAX_NAME].strip()
    return kept if kept.strip(".") else "video"
