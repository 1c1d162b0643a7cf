"""The DeepFake Detection Challenge (Dolhansky et al. 2020), as Kaggle ships it.

<root>/dfdc_train_part_*/metadata.json    file name → label, split, original
<root>/dfdc_train_part_*/*.mp4
"""

import json
import os
from pathlib import Path
from typing import Any

import pandas as pd

from common.errors import DataError
from common.files import list_folder
from datasets.manifest import FAKE, REAL

Entry = dict[str, Any]  # of one video in metadata.json
LABELS = {"REAL": REAL, "FAKE": FAKE}


def read(root: Path) -> pd.DataFrame:
    """Return a row for every video listed in the metadata.json files of `root`, which holds part
    folders or is one.

    Raise DataError if there is no metadata.json, or if one is invalid.
    """
    parts = [root] if (root / "metadata.json").is_file() else sorted(root.iterdir())
    parts = [part for part in parts if (part / "metadata.json").is_file()]
    if not parts:
        raise DataError(
            f"no metadata.json in {root} or its folders: expected dfdc_train_part_*/metadata.json, "
            f"found {list_folder(root)}"
        )
    metadata = {part: _read_metadata(part / "metadata.json") for part in parts}
    # One table of originals for all parts: a fake's original may be in another part.
    originals = {name: entry for entries in metadata.values() for name, entry in entries.items()}
    rows = [row for part in parts for row in _read_part(root, part, metadata[part], originals)]
    if not rows:
        raise DataError(f"the metadata.json files under {root} list no videos")
    return pd.DataFrame(rows)


def _read_part(
    root: Path, part: Path, metadata: dict[str, Entry], originals: dict[str, Entry]
) -> list[dict[str, Any]]:
    # A part that is a symbolic link keeps the link's name.
    part_name = root.resolve().name if part == root else part.name
    rows = []
    for name, entry in sorted(metadata.items()):
        status, detail = _find_video(part, name)
        method = entry.get("method")
        rows.append(
            {
                "video_id": f"{part_name}/{name}",
                "path": (part.relative_to(root) / name).as_posix(),
                "label": LABELS[entry["label"]],
                "source": _source(name, originals),
                "method": method if isinstance(method, str) else "",
                "status": status,
                "detail": detail,
            }
        )
    return rows


def _read_metadata(path: Path) -> dict[str, Entry]:
    try:
        metadata = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise DataError(f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(metadata, dict):
        raise DataError(f"{path} should map file names to entries")
    for name, entry in metadata.items():
        label = entry.get("label") if isinstance(entry, dict) else None
        if not isinstance(label, str) or label not in LABELS:
            raise DataError(f"{path}: {name!r} has label {label!r}; known are REAL and FAKE")
    return metadata


def _find_video(part: Path, name: str) -> tuple[str, str]:
    """Return the status and detail of a listed video before it is opened; both are empty if it is
    on disk. Its name comes from metadata.json and is not trusted."""
    if not name.isprintable() or Path(name).name != name:
        return "unreadable", "refused: not a plain file name"
    # os.path, because pathlib raises for circular links and for names that are too long.
    path = os.path.realpath(part / name)
    if os.path.dirname(path) != os.path.realpath(part):
        return "unreadable", "refused: the file lies outside its folder"
    if not os.path.isfile(path):
        return "missing", "listed in metadata.json, not on disk"
    return "", ""


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
