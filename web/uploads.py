"""Receives files: streams them to disk within limits, while their SHA-256 is computed."""

import asyncio
import hashlib
import os
import secrets
import unicodedata
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

from web.problems import Problem
from web.settings import Settings

MAX_NAME = 200  # characters of a file's name that are kept
SECONDS_BETWEEN_PARTS = 30.0  # a slower client is cut off


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
            while (part := await _next(parts)) is not None:
                size += len(part)
                if size > settings.max_upload:
                    raise Problem(413, f"the file is larger than {settings.max_upload:,} bytes")
                digest.update(part)
                await asyncio.to_thread(file.write, part)
            await asyncio.to_thread(_to_disk, file.fileno())
        if not size:
            raise Problem(400, "the file is empty")
    except BaseException:  # also a client that is gone
        with suppress(OSError):
            path.unlink(missing_ok=True)
        raise
    return Upload(video_id, path, size, digest.hexdigest())


async def _next(parts: AsyncIterator[bytes]) -> bytes | None:
    try:
        return await asyncio.wait_for(anext(parts, None), SECONDS_BETWEEN_PARTS)
    except TimeoutError as error:
        raise Problem(408, f"no data for {SECONDS_BETWEEN_PARTS:g} seconds") from error


def _to_disk(number: int) -> None:
    os.fsync(number)


def clean_name(name: str) -> str:
    """Return a sender's name of a file as one harmless line to show: the last part of a path,
    without control characters, at most MAX_NAME characters."""
    last = PurePosixPath(PureWindowsPath(name).as_posix()).name
    kept = "".join(c for c in last if unicodedata.category(c)[0] != "C")
    kept = kept[:MAX_NAME].strip()
    return kept if kept.strip(".") else "video"
