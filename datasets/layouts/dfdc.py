"""The DeepFake Detection Challenge (Dolhansky et al. 2020), as Kaggle ships it.

<root>/dfdc_train_part_*/metadata.json    file name → label, split, original
<root>/dfdc_train_part_*/*.mp4

Its preview (dataset.json) and its test set (labels.csv) are read by the modules of these names.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from common.errors import DataError
from common.files import list_folder
from common.foreign import read_json
from common.media_files import is_data_folder
from datasets.layouts import dfdc_preview, dfdc_test
from datasets.layouts.listing import Listed
from datasets.manifest import FAKE, REAL

Entry = dict[str, Any]  # of one video in metadata.json
LABELS = {"REAL": REAL, "FAKE": FAKE}
OTHER_LISTS: dict[str, Callable[[Path, Path], list[dict[str, Any]]]] = {
    "dataset.json": dfdc_preview.read,
    "labels.csv": dfdc_test.read,
}
DEPTH = 3  # of folders in `root`: archives often unpack into a folder of their own


def read(root: Path) -> pd.DataFrame:
    """Return a row for every video listed in the metadata.json files in `root` and its folders, or
    in a dataset.json or labels.csv.

    Raise DataError if there is no list, if one is invalid, or if there are several of which it is
    not clear which one holds.
    """
    lists = _find_lists(root, DEPTH)
    if not lists:
        raise DataError(
            f"no metadata.json in {root} or its folders: expected dfdc_train_part_*/metadata.json, "
            f"found {list_folder(root)}"
        )
    _check_lists(root, lists)
    if lists[0].name == "metadata.json":
        rows = _read_parts(root, [path.parent for path in lists])
    else:
        rows = [row for path in lists for row in OTHER_LISTS[path.name](root, path)]
    if not rows:
        raise DataError(f"the {lists[0].name} files under {root} list no videos")
    return pd.DataFrame(rows)


def _find_lists(folder: Path, depth: int) -> list[Path]:
    """Return the first list of `folder` and of each folder in it, down to `depth`."""
    here = [path for name in ("metadata.json", *OTHER_LISTS) if (path := folder / name).is_file()]
    found = here[:1]
    if depth:
        children = sorted(path for path in folder.iterdir() if is_data_folder(path.name))
        found += [p for child in children if child.is_dir() for p in _find_lists(child, depth - 1)]
    return found


def _check_lists(root: Path, lists: list[Path]) -> None:
    """Raise DataError if lists are of different kinds, or if one lies in the folder of another."""
    first = lists[0]
    for path in lists[1:]:
        if path.name != first.name:
            raise DataError(
                f"{root} has {first.relative_to(root)} and {path.relative_to(root)}: choose the "
                "folder of one of them as --input"
            )
    folders = {path.parent for path in lists}
    for path in lists:
        if not folders.isdisjoint(path.parent.parents):
            raise DataError(
                f"{path} lies in the folder of another {path.name}: choose the folder of one of "
                "them as --input"
            )


def _read_parts(root: Path, parts: list[Path]) -> list[dict[str, Any]]:
    metadata = {part: _read_metadata(part / "metadata.json") for part in parts}
    # One table of originals for all parts: a fake's original may be in another part.
    originals = {name: entry for entries in metadata.values() for name, entry in entries.items()}
    return [row for part in parts for row in _read_part(root, part, metadata[part], originals)]


def _read_part(
    root: Path, part: Path, metadata: dict[str, Entry], originals: dict[str, Entry]
) -> list[dict[str, Any]]:
    # A part that is a symbolic link keeps the link's name.
    folder = part.relative_to(root)
    part_name = folder.as_posix() if folder.parts else root.resolve().name
    listed = Listed(part / "metadata.json")
    rows = []
    for name, entry in sorted(metadata.items()):
        path, status, detail = listed.find(name)
        method = entry.get("method")
        rows.append(
            {
                "video_id": f"{part_name}/{name}",
                "path": (folder / path).as_posix(),
                "label": LABELS[entry["label"]],
                "source": _source(name, originals),
                "method": method if isinstance(method, str) else "",
                "status": status,
                "detail": detail,
            }
        )
    return rows


def _read_metadata(path: Path) -> dict[str, Entry]:
    metadata = read_json(path)
    if not isinstance(metadata, dict):
        raise DataError(f"{path} should map file names to entries")
    for name, entry in metadata.items():
        label = entry.get("label") if isinstance(entry, dict) else None
        if not isinstance(label, str) or label not in LABELS:
            raise DataError(f"{path}: {name!r} has label {label!r}; known are REAL and FAKE")
    return metadata


def _source(name: str, metadata: dict[str, Entry]) -> str:
    """Return the source of the video `name`: the stem of its original's file name, found by
    following fakes of fakes, or its own stem if it has no known original.

    The part is left out on purpose: the same name in two parts counts as one source, which can only
    keep videos together.
    """
    chain = [name]
    while (entry := metadata.get(chain[-1])) is not None:
        original = entry.get("original")
        if not isinstance(original, str) or not original:
            break
        if original in chain:  # a cycle: all its videos are one source
            return Path(min(chain[chain.index(original) :])).stem
        chain.append(original)
    return Path(chain[-1]).stem
