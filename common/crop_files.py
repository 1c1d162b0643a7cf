"""Reads the crops of a track from the location in the manifest's column `crops`.

A location has one of these forms:

crops/part/a.mp4/track_0                     a folder of JPEG files
crops/part/a.mp4/track_0.tar                 a tar file of JPEG files
shards/1f0c/train-000000.tar#512+98304       98304 bytes of a tar file, starting at byte 512
s3://bucket/1f0c/train-000000.tar#512+98304  the same, at a URL that fsspec can read
"""

import io
import os
import re
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fsspec

from common import foreign
from common.errors import DataError, PipelineError, one_line

# The only protocols allowed in a manifest, which may come from somebody else. fsspec's other file
# systems wrap these, and some follow references in the files that they read.
PROTOCOLS = (
    *("file", "memory", "http", "https", "ftp", "sftp", "ssh", "smb"),
    *("s3", "s3a", "gs", "gcs", "az", "adl", "abfs", "abfss", "oci", "oss", "hdfs", "webhdfs"),
)
RETRY_HINT = "run preprocess_dfdc.py again"


@dataclass(frozen=True)
class Location:
    """The location of a track's crops."""

    file: str  # a file, a folder or a URL
    offset: int | None = None  # bytes; None: the whole file
    length: int = 0  # bytes

    def __str__(self) -> str:
        return self.file if self.offset is None else f"{self.file}#{self.offset}+{self.length}"

    @property
    def end(self) -> int | None:
        return None if self.offset is None else self.offset + self.length

    @property
    def is_url(self) -> bool:
        return "://" in self.file


def check_url(url: str) -> None:
    """Raise DataError unless `url` has a protocol in PROTOCOLS and a path. fsspec's URL chaining
    (`::`) is not allowed."""
    protocol, _, rest = url.partition("://")
    if protocol not in PROTOCOLS or "::" in url or not rest.strip("/"):
        raise DataError(f"crops cannot be read from {url}: use one of {', '.join(PROTOCOLS)}")


def parse(crops: str) -> Location:
    """Return the location that a value of the manifest's column `crops` describes."""
    match = re.fullmatch(r"(.+)#(\d{1,15})\+(\d{1,15})", crops, re.DOTALL)
    return Location(match[1], int(match[2]), int(match[3])) if match else Location(crops)


def read(folder: Path, crops: str, frames: int, chosen: slice = slice(None)) -> list[bytes]:
    """Return the crops of a track as JPEG bytes, in presentation order; `chosen` selects some.

    `crops` is the value of the manifest's column, relative to `folder` unless it is a URL; `frames`
    is the track's number of crops. Raise DataError if the crops cannot be read, or if their number
    is not `frames`.
    """
    location = parse(crops)
    path = folder / location.file
    name = location.file if location.is_url else path
    try:
        if location.offset is None and path.is_dir():
            names = sorted(entry for entry in os.listdir(path) if entry.endswith(".jpg"))
            _check_count(name, len(names), frames)
            return [(path / entry).read_bytes() for entry in names[chosen]]
        jpegs = _members(_read_bytes(path, location), ".jpg")
    except (OSError, ValueError, tarfile.TarError) as error:
        raise DataError(f"crops {name} cannot be read: {one_line(error)}: {RETRY_HINT}") from error
    _check_count(name, len(jpegs), frames)
    return jpegs[chosen]


def read_middle(folder: Path, crops: str, frames: int) -> bytes:
    """Return the JPEG bytes of the middle one of a track's crops, as an example of the track. Raise
    DataError if it cannot be read."""
    middle = frames // 2
    return read(folder, crops, frames, slice(middle, middle + 1))[0]


def read_record(folder: Path, crops: str) -> dict[str, Any] | None:
    """Return the record stored with a track's crops: a dict of lists such as frames, boxes and
    landmarks, with one entry per crop (docs/data.md). Return None if the record is missing or
    damaged. Raise DataError if a URL cannot be read."""
    location = parse(crops)
    path = folder / location.file
    if location.offset is None and not location.is_url:
        try:
            video = foreign.read_json(path.parent / "video.json")
            record = next(track for track in video["tracks"] if track["crops"] == path.name)
        except (DataError, LookupError, TypeError, StopIteration):
            return None
    else:
        try:
            members = _members(_read_bytes(path, location), "json")
        except (OSError, ValueError, tarfile.TarError):
            return None
        try:
            record = foreign.parse_json(members[0], str(location))
        except (DataError, LookupError):
            return None
    return record if isinstance(record, dict) else None


def _check_count(name: str | Path, count: int, frames: int) -> None:
    if count != frames:
        raise DataError(f"{name} holds {count} crops, the manifest says {frames}: {RETRY_HINT}")


def _members(data: bytes, ending: str) -> list[bytes]:
    """Return the contents of all files with this ending in `data`, a range of a tar file, sorted by
    file name."""
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as tar:
        members = sorted((m for m in tar if m.name.endswith(ending)), key=lambda m: m.name)
    return [data[member.offset_data : member.offset_data + member.size] for member in members]


def _read_bytes(path: Path, location: Location) -> bytes:
    if location.is_url:
        check_url(location.file)
        with url_errors(location.file):
            files, name = fsspec.url_to_fs(location.file)
            return files.cat_file(name, start=location.offset, end=location.end)
    if (location.end or 0) > path.stat().st_size:
        raise ValueError("the file is too short")
    with path.open("rb") as file:
        file.seek(location.offset or 0)
        return file.read(-1 if location.offset is None else location.length)


@contextmanager
def url_errors(url: str) -> Iterator[None]:
    """Convert every exception in the block, except PipelineError, to a DataError that names `url`:
    the library of each protocol raises its own kinds of exceptions."""
    try:
        yield
    except PipelineError:
        raise
    except Exception as error:
        raise DataError(f"{url} cannot be used: {one_line(error)}") from error


def count_crops(path: Path) -> int:
    """Return the number of crops in a track's folder or tar file. Raise OSError or TarError if it
    cannot be read."""
    if path.is_dir():
        return len(list(path.glob("*.jpg")))
    with tarfile.open(path, "r:") as tar:
        return len(tar.getnames())


def add_member(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    """Add a file to a tar file, without owner and time, so that the bytes written depend only on
    `name` and `data`."""
    member = tarfile.TarInfo(name)
    member.size = len(data)
    tar.addfile(member, io.BytesIO(data))
