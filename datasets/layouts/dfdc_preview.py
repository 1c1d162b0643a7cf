"""The preview of the DFDC (Dolhansky et al. 2019).

<root>/dataset.json                   path → label, set, and for fakes target_id and swapped_id
<root>/original_videos/1000/1000_A_001.mp4
<root>/method_A/2000/2000_A/1000_2000_A_001.mp4      1000's video A_001 with 2000's face

A fake shows two people, so both are in one group.
"""

from pathlib import Path
from typing import Any

from common.errors import DataError
from common.foreign import read_json
from datasets import groups, splits
from datasets.labels import parse_label
from datasets.layouts.listing import Listed
from datasets.manifest import FAKE

SETS = {"train": "train", "val": "val", "validation": "val", "test": "test"}


def read(root: Path, path: Path) -> list[dict[str, Any]]:
    """Return a row for every video that the dataset.json `path` lists. Raise DataError if it is
    invalid."""
    entries = read_json(path)
    if not isinstance(entries, dict):
        raise DataError(f"{path} should map paths to entries")
    rows = [_row(path, name, entry) for name, entry in sorted(entries.items())]
    group = groups.join(pair for row in rows for pair in row["people"])
    sets = {row["split"] for row in rows}
    listed = Listed(path)
    folder = path.parent.relative_to(root)
    for row in rows:
        row["group"] = group[row.pop("people")[0][0]]
        row["split"] = splits.official(row["split"], sets)
        found, row["status"], row["detail"] = listed.find_path(row["path"])
        row["video_id"] = row["path"] = (folder / found).as_posix()
    return rows


def _row(path: Path, name: str, entry: Any) -> dict[str, Any]:
    """Return what the list says of one video. `people` are pairs of names of a group."""
    entry = entry if isinstance(entry, dict) else {}
    label = parse_label(str(entry.get("label")))
    if label is None:
        raise DataError(f"{path}: {name!r} has label {entry.get('label')!r}; known are real, fake")
    split = SETS.get(str(entry.get("set", "train")).lower())
    if split is None:
        raise DataError(f"{path}: {name!r} has set {entry['set']!r}; known are {', '.join(SETS)}")
    stem = Path(name).stem
    row = {"path": name, "label": label, "source": stem, "method": ""}
    people = [stem.partition("_")[0]]
    if label == FAKE:
        people = [str(entry.get(key, "")) for key in ("target_id", "swapped_id")]
        if not all(people):
            raise DataError(f"{path}: the fake {name!r} has no target_id or no swapped_id")
        take = stem.removeprefix("_".join([*people, ""]))
        row["source"] = f"{people[0]}_{take}"
        row["method"] = name.partition("/")[0]
    row["split"] = split
    row["people"] = [(f"person {people[0]}", f"person {person}") for person in people]
    return row
