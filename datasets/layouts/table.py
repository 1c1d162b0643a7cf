"""Your own data: a table that says what is real and what is fake, and which files belong together.

<root>/labels.csv     a row per video or picture, with the columns
    file              path relative to the root
    label             REAL or FAKE
    source            optional: the file that a fake was made from; by default the file itself
    group             optional: files of one group share a split, and so do those of one source
    split             optional: train, val or test; train files without both others are divided
    method            optional: the manipulation
    kind              optional: deepfake or shallowfake
"""

from pathlib import Path

import pandas as pd

from common.errors import DataError
from common.files import list_folder
from datasets import groups, splits
from datasets.labels import parse_label
from datasets.layouts import listing
from datasets.layouts.folder_names import KINDS
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
    entries = [{name: (text or "").strip() for name, text in entry.items()} for entry in entries]
    listed = listing.Listed(path)
    official = {entry.get("split", "") for entry in entries} - {""}
    rows = [
        _row(entry, listed, official, f"{path}: row {number}")
        for number, entry in enumerate(entries, start=1)
    ]
    table = pd.DataFrame(rows)
    # A fake belongs to the group of its source, also if only one of them names it.
    together = groups.join(zip(table["source"], table["group"], strict=True))
    table["group"] = table["group"].map(together)
    twice = table["video_id"].duplicated()
    if twice.any():
        raise DataError(f"{path} lists {table['video_id'][twice].iloc[0]!r} twice")
    return table


def _row(
    entry: dict[str, str], listed: listing.Listed, official: set[str], name: str
) -> dict[str, str | int]:
    """Return what an entry of labels.csv says. `official` are the splits that occur; `name` is that
    of the row in errors."""
    label = parse_label(entry["label"])
    if label is None:
        raise DataError(f"{name}: label {entry['label']!r:.60} is neither REAL nor FAKE")
    split = entry.get("split", "")
    if split and split not in SPLITS:
        raise DataError(f"{name}: split {split!r:.60} is none of {', '.join(SPLITS)}")
    kind = entry.get("kind", "")
    if kind and kind not in set(KINDS.values()):
        raise DataError(f"{name}: kind {kind!r:.60} is neither deepfake nor shallowfake")
    path, status, detail = listed.find_path(entry["file"])
    # Spelled like the name of the file that it is: ./a.jpg and a.jpg are one source.
    source = Path(entry.get("source") or path).as_posix()
    return {
        "video_id": path.as_posix(),
        "path": path.as_posix(),
        "label": label,
        "source": source,
        "method": entry.get("method", ""),
        "kind": kind,
        "group": entry.get("group") or source,
        "split": splits.official(split, official),
        "status": status,
        "detail": detail,
    }
