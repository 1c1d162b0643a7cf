"""scores.csv and scores.json, whole after every video: a stop loses nothing that was judged."""

import csv
import json
from pathlib import Path
from typing import Any

from scoring.video import VideoScore

SCHEMA = 1  # of scores.json and of --json; raised when a field changes its meaning
COLUMNS = ("video", "verdict", "p_fake", "faces", "frames", "seconds", "detail")
END = "\n]}\n"


class ScoreFiles:
    """Both files, one beside the other."""

    def __init__(self, path: Path, about: dict[str, Any]) -> None:
        """`path` is that of scores.csv; `about`: what holds for every video."""
        opened = {"mode": "w", "encoding": "utf-8", "errors": "backslashreplace"}
        self.csv = path.open(newline="", **opened)
        self.json = path.with_suffix(".json").open(**opened)
        self.rows = csv.DictWriter(self.csv, COLUMNS)
        self.rows.writeheader()
        start = json.dumps({"schema": SCHEMA, **about}, indent=1)
        self.json.write(start.removesuffix("\n}") + ',\n "videos": [')
        self.end = self.json.tell()
        self.separator = "\n"
        self.json.write(END)
        self._flush()

    def add(self, score: VideoScore) -> None:
        self.rows.writerow(score.row())
        self.json.seek(self.end)
        self.json.write(self.separator + json.dumps(score.to_dict(), ensure_ascii=False))
        self.end, self.separator = self.json.tell(), ",\n"
        self.json.write(END)
        self._flush()

    def _flush(self) -> None:
        self.csv.flush()
        self.json.flush()

    def close(self) -> None:
        self.csv.close()
        self.json.close()
