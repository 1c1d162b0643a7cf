"""Writes scores.csv and scores.json, both complete after every video: a stop loses no result."""

import csv
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common.errors import UsageError
from common.files import make_private
from common.spreadsheets import quote
from common.version import VERSION
from inference.video_score import VideoScore

if TYPE_CHECKING:  # slow
    from scoring.decision_rule import DecisionRule

SCHEMA = 3  # of scores.json and of --json; raised when a field changes its meaning
COLUMNS = (
    *("video", "verdict", "p_fake", "faces", "frames", "seconds"),
    *("detail", "warnings", "sha256"),
)
HEADER = ",".join(COLUMNS) + "\r\n"
# How files written by any version begin: this is how they are recognised.
CSV_START, JSON_START = "video,verdict,p_fake,", '{\n "schema": '


def csv_path(folder: Path) -> Path:
    return folder / "scores.csv"


def check(folder: Path) -> None:
    """Raise UsageError if `folder` is a file or is named like one, or if it contains a scores.csv
    or scores.json that score.py has not written and would overwrite."""
    if folder.is_file() or folder.suffix in (".csv", ".json"):
        raise UsageError(
            f"--output names a folder, not a file: {folder} (scores.csv and scores.json go into it)"
        )
    path = csv_path(folder)
    for file, start in ((path, CSV_START), (path.with_suffix(".json"), JSON_START)):
        if not file.is_file():
            continue
        with file.open("rb") as existing:
            if existing.read(len(start)) not in (start.encode(), b""):
                raise UsageError(
                    f"--output: {file} exists and does not contain scores: choose another folder"
                )


class ScoreFiles:
    """The files scores.csv and scores.json of one call of score.py."""

    def __init__(self, folder: Path, about: dict[str, Any], rule: "DecisionRule") -> None:
        """Replace both files in `folder` by files without results. `about` has the fields of
        scores.json that apply to all videos; `rule` is the one that they are judged with."""
        self.rule = rule
        path = csv_path(folder)
        fields = {"schema": SCHEMA, "version": VERSION, **about}
        start = json.dumps(fields, indent=1).removesuffix("\n}")
        self.csv = GrowingFile(path, HEADER)
        self.json = GrowingFile(path.with_suffix(".json"), start + ',\n "videos": [', end="\n]}\n")
        self.separator = "\n"

    def add(self, score: VideoScore) -> None:
        """Append a result to both files. Raise OSError if the disk is full: the file that cannot
        be extended is left unchanged."""
        row = io.StringIO()
        values = score.summary() | {"warnings": "; ".join(score.warnings)}
        texts = {k: quote(v) for k, v in values.items() if isinstance(v, str)}
        csv.DictWriter(row, COLUMNS).writerow(values | texts)
        document = score.document(self.rule)
        self.json.add(self.separator + json.dumps(document, ensure_ascii=False))
        self.separator = ",\n"
        self.csv.add(row.getvalue())

    def close(self) -> None:
        self.csv.close()
        self.json.close()


class GrowingFile:
    """A text file that is complete after every `add`: new text is inserted before `end`."""

    def __init__(self, path: Path, start: str, end: str = "") -> None:
        self.file = path.open("wb", buffering=0)  # an addition is usually one system call
        make_private(path)  # it may be from an earlier call
        self.end = end.encode()
        self.offset = 0
        try:
            self.add(start)
        except OSError:
            self.file.truncate(0)  # an end without a start would be a broken file
            raise

    def add(self, text: str) -> None:
        """Insert `text` before the closing text `self.end`. If the disk is full, raise OSError and
        leave the file unchanged."""
        data = text.encode("utf-8", "backslashreplace")
        try:
            self._write(data + self.end)
        except OSError:
            self._write(self.end)  # needs no more space than before
            self.file.truncate()
            raise
        self.offset += len(data)

    def _write(self, data: bytes) -> None:
        self.file.seek(self.offset)
        while data:
            data = data[self.file.write(data) :]

    def close(self) -> None:
        self.file.close()
