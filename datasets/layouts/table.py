"""Your own data: a table that says what is real and what is fake, and which files belong together.

<root>/labels.csv     a row per video or picture, with the columns
    file              path relative to the root
    label             REAL or FAKE
    source            optional: the original of a fake; by default the file itself
    group             optional: files of one group share a split; by default the source
    split             optional: train, val or test
    method            optional: the manipulation
"""

from pathlib import Path

import pandas as pd

from common.errors import DataError
from common.files import list_folder
from datasets import splits
from datasets.labels import parse_label
from datasets.layouts import listing
from datasets.manifest import SPLITS

NAME = "labels.csv"
REQUIRED = {"file", "label"}


def read(root: Path) -> pd.DataFrame:
    """Return a row for every file that labels.csv lists. Raise DataError if it is absent or
    invalid, or lists a file twice."""
    path = root / NAME
    if not path.is_file():
        raise DataError(
            f"no table in {root}: expected {NAME} with columns file and label, found "
            f"{list_folder(root)}"
        )
    entries = listing.read_csv(path)
    absent = REQUIRED - set(entries[0] if entries else ())
    if absent:
        raise DataError(f"{path} has no row, or lacks the columns {', '.join(sorted(absent))}")
    listed = listing.Listed(path)
    official = {entry.get("split", "") for entry in entries} - {""}
    rows = [
        _row(entry, listed, official, f"{path}: line {line}")
        for line, entry in enumerate(entries, start=2)
    ]
    table = pd.DataFrame(rows)
    twice = table["video_id"].duplicated()
    if twice.any():
        raise DataError(f"{path} lists {table['video_id'][twice].iloc[0]!r} twice")
    return table


def _row(
    entry: dict[str, str], listed: listing.Listed, official: set[str], line: str
) -> dict[str, str | int]:
    """Return what a row of labels.csv says. `official` are the splits that occur; `line` names the
    row in errors."""
    label = parse_label(entry["label"])
    if label is None:
        raise DataError(f"{line}: label {entry['label']!r} is neither REAL nor FAKE")
    split = entry.get("split") or ""
    if split and split not in SPLITS:
        raise DataError(f"{line}: split {split!r} is none of {', '.join(SPLITS)}")
    path, status, detail = listed.find_path(entry["file"])
    source = entry.get("source") or entry["file"]
    return {
        "video_id": path.as_posix(),
        "path": path.as_posix(),
        "label": label,
        "source": source,
        "method": entry.get("method") or "",
        "group": entry.get("group") or source,
        "split": splits.official(split, official),
        "status": status,
        "detail": detail,
    }
