"""The test set of the DFDC, whose labels are in a table.

<root>/labels.csv                     filename, label (1 is FAKE)
<root>/*.mp4  or  <root>/videos/*.mp4

The table names no originals: every video is its own source.
"""

from pathlib import Path
from typing import Any

from common.errors import DataError
from datasets.labels import parse_label
from datasets.layouts.listing import Listed, read_csv


def read(root: Path, path: Path) -> list[dict[str, Any]]:
    """Return a row for every video that the labels.csv `path` lists. Raise DataError if it is
    invalid, or if it lists a video twice."""
    folder = path.parent.relative_to(root)
    part = folder.as_posix() if folder.parts else root.resolve().name
    listed = Listed(path)
    rows: dict[str, dict[str, Any]] = {}
    for line, entry in enumerate(read_csv(path), 2):
        if "filename" not in entry or "label" not in entry:
            columns = ", ".join(map(str, entry))
            raise DataError(f"{path} should have the columns filename, label; it has {columns}")
        name, label = entry["filename"], parse_label(entry["label"])
        if label is None:
            raise DataError(f"{path}: line {line} has label {entry['label']!r}; known are 0 and 1")
        if name in rows:
            raise DataError(f"{path}: line {line} lists {name!r} a second time")
        found, status, detail = listed.find(name)
        rows[name] = {
            "video_id": f"{part}/{name}",
            "path": (folder / found).as_posix(),
            "label": label,
            "source": Path(name).stem,
            "method": "",
            "status": status,
            "detail": detail,
        }
    return [rows[name] for name in sorted(rows)]
