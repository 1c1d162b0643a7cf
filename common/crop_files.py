"""How the crops of a track lie on disk: the column `crops` of the manifest, and how it is read.

crops/part/a.mp4/track_0                     a folder of JPEG files
crops/part/a.mp4/track_0.tar                 a tar file of them
shards/1f0c/train-000000.tar#512+98304       98304 bytes of a tar file, from byte 512 on
s3://bucket/1f0c/train-000000.tar#512+98304  the same, anywhere that fsspec can read
"""

import io
import json
import re
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fsspec

from common.errors import DataError, PipelineError, one_line

# What a manifest may make this program read. Other file systems of fsspec wrap these, and some take
# instructions from what they read.
PROTOCOLS = (
    *("file", "memory", "http", "https", "ftp", "sftp", "ssh", "smb"),
    *("s3", "s3a", "gs", "gcs", "az", "adl", "abfs", "abfss", "oci", "oss", "hdfs", "webhdfs"),
)
AGAIN = "run preprocess_dfdc.py again"


@dataclass(frozen=True)
class Place:
    file: str  # or folder, or URL
    start: int | None = None  # bytes; None: the whole file
    length: int = 0

    def __str__(self) -> str:
        return self.file if self.start is None else f"{self.file}#{self.start}+{self.length}"

    @property
    def end(self) -> int | None:
        return None if self.start is None else self.start + self.length

    @property
    def is_url(self) -> bool:
        return "://" in self.file


def check_url(url: str) -> None:
    """Raise DataError when crops are not to be read from `url`."""
    protocol, _, rest = url.partition("://")
    if protocol not in PROTOCOLS or "::" in url or not rest.strip("/"):
        raise DataError(f"{url} is no place for crops: known are {', '.join(PROTOCOLS)}")


def parse(crops: str) -> Place:
    """Text of a manifest's column `crops` → what it means."""
    match = re.fullmatch(r"(.+)#(\d{1,15})\+(\d{1,15})", crops, re.DOTALL)
    return Place(match[1], int(match[2]), int(match[3])) if match else Place(crops)


def read(folder: Path, crops: str, frames: int, chosen: slice = slice(None)) -> list[bytes]:
    """JPEG bytes of the `chosen` ones of a track's `frames` crops, in time's order. Relative paths
    start from `folder`. Raise DataError when the track is not there, damaged or incomplete."""
    place = parse(crops)
    path = folder / place.file
    where = place.file if place.is_url else path
    try:
        if place.start is None and path.is_dir():
            files = sorted(path.glob("*.jpg"))
            _check(where, len(files), frames)
            return [file.read_bytes() for file in files[chosen]]
        jpegs = _members(_bytes(path, place), ".jpg")
    except (OSError, ValueError, tarfile.TarError) as error:
        raise DataError(f"crops {where} cannot be read: {one_line(error)}: {AGAIN}") from error
    _check(where, len(jpegs), frames)
    return jpegs[chosen]


def read_middle(folder: Path, crops: str, frames: int) -> bytes:
    """The crop in the middle of a track, which stands for it where one is enough."""
    middle = frames // 2
    return read(folder, crops, frames, slice(middle, middle + 1))[0]


def read_record(folder: Path, crops: str) -> dict[str, Any] | None:
    """What was written down of a track beside its crops: lists of frames, boxes, landmarks
    (docs/data.md). None where there is nothing of the kind. Raise DataError when a URL fails."""
    place = parse(crops)
    path = folder / place.file
    try:
        if place.start is None and not place.is_url:
            video = json.loads((path.parent / "video.json").read_bytes())
            return next(track for track in video["tracks"] if track["crops"] == path.name)
        return json.loads(_members(_bytes(path, place), "json")[0])
    except (OSError, ValueError, LookupError, TypeError, StopIteration, tarfile.TarError):
        return None
    except RecursionError:  # brackets in brackets in brackets
        return None


def _check(where: str | Path, found: int, frames: int) -> None:
    if found != frames:
        raise DataError(f"{where} holds {found} crops, the manifest says {frames}: {AGAIN}")


def _members(data: bytes, ending: str) -> list[bytes]:
    """The files of that `ending` in a piece of a tar file, by name."""
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as tar:
        members = sorted((m for m in tar if m.name.endswith(ending)), key=lambda m: m.name)
    return [data[member.offset_data : member.offset_data + member.size] for member in members]


def _bytes(path: Path, place: Place) -> bytes:
    if place.is_url:
        check_url(place.file)
        with reaching(place.file):
            files, name = fsspec.url_to_fs(place.file)
            return files.cat_file(name, start=place.start, end=place.end)
    if (place.end or 0) > path.stat().st_size:
        raise ValueError("the file is too short")
    with path.open("rb") as file:
        file.seek(place.start or 0)
        return file.read(-1 if place.start is None else place.length)


@contextmanager
def reaching(url: str) -> Iterator[None]:
    """Raise DataError for whatever goes wrong with `url` in here: every store's library has kinds
    of errors of its own."""
    try:
        yield
    except PipelineError:
        raise
    except Exception as error:
        raise DataError(f"{url} cannot be used: {one_line(error)}") from error


def count(path: Path) -> int:
    """Crops in a track's folder or tar file. Raise OSError or TarError when it is damaged."""
    if path.is_dir():
        return len(list(path.glob("*.jpg")))
    with tarfile.open(path, "r:") as tar:
        return len(tar.getnames())


def add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    """A member whose bytes depend on name and data alone."""
    member = tarfile.TarInfo(name)
    member.size = len(data)
    tar.addfile(member, io.BytesIO(data))
