"""scores.csv and scores.json, whole after every video: a stop loses nothing that was judged."""

import csv
import io
import json
from pathlib import Path
from typing import Any

from common.errors import UsageError
from inference.video_score import VideoScore

SCHEMA = 1  # of scores.json and of --json; raised when a field changes its meaning
COLUMNS = ("video", "verdict", "p_fake", "faces", "frames", "seconds", "detail")
HEADER = ",".join(COLUMNS) + "\r\n"


def check(path: Path) -> None:
    """Raise UsageError when scores.csv and scores.json cannot be written at `path`, or would take
    the place of something else."""
    if path.is_dir() or not path.parent.is_dir():
        raise UsageError(f"--output: {path} is a folder, or in one that is not there")
    if path.suffix in (".json", ".sqlite"):
        raise UsageError(f"--output names scores.csv; {path.name} is written beside it")
    for file, start in ((path, HEADER.strip()), (path.with_suffix(".json"), '{\n "schema": ')):
        if not file.is_file():
            continue
        with file.open("rb") as there:
            if there.read(len(start)) not in (start.encode(), b""):
                raise UsageError(f"--output: {file} is there and holds no scores")


class ScoreFiles:
    """Both files, one beside the other."""

    def __init__(self, path: Path, about: dict[str, Any]) -> None:
        """`path` is that of scores.csv; `about`: what holds for every video."""
        start = json.dumps({"schema": SCHEMA, **about}, indent=1).removesuffix("\n}")
        self.csv = GrowingFile(path, HEADER)
        self.json = GrowingFile(path.with_suffix(".json"), start + ',\n "videos": [', end="\n]}\n")
        self.separator = "\n"

    def add(self, score: VideoScore) -> None:
        """Raise OSError where there is no room: what the files held, they hold still."""
        row = io.StringIO()
        csv.DictWriter(row, COLUMNS).writerow(score.row())
        self.json.add(self.separator + json.dumps(score.to_dict(), ensure_ascii=False))
        self.separator = ",\n"
        self.csv.add(row.getvalue())

    def close(self) -> None:
        self.csv.close()
        self.json.close()


class GrowingFile:
    """Text that is whole after every addition, with `end` behind the last one."""

    def __init__(self, path: Path, start: str, end: str = "") -> None:
        self.file = path.open("wb", buffering=0)  # so that an addition is one call of the system
        self.end = end.encode()
        self.place = 0
        try:
            self.add(start)
        except OSError:
            self.file.truncate(0)  # an end without a start is no file of this kind
            raise

    def add(self, text: str) -> None:
        """Raise OSError where there is no room, and leave the file as it was."""
        data = text.encode("utf-8", "backslashreplace")
        try:
            self._write(data + self.end)
        except OSError:
            self._write(self.end)  # which has room where it was
            self.file.truncate()
            raise
        self.place += len(data)

    def _write(self, data: bytes) -> None:
        self.file.seek(self.place)
        while data:
            data = data[self.file.write(data) :]

    def close(self) -> None:
        self.file.close()
