"""Reads the folders of a public dataset into one table of videos.

The table has one row per video with the columns video_id, path (relative to the root), label,
source, method, status and detail. Optional columns are group (videos of one group share a split; by
default the source), split (the official one, else empty), kind and class (as in a manifest).
`status` is empty for a video that is
on disk.
"""

from collections.abc import Callable, Collection
from pathlib import Path

import pandas as pd

from common.errors import DataError, UsageError
from common.registry import select
from datasets.layouts import celebdf, classes, dfdc, ffpp, folders, table

LAYOUTS: dict[str, Callable[..., pd.DataFrame]] = {
    "dfdc": dfdc.read,
    "ffpp": ffpp.read,
    "celebdf": celebdf.read,
    "folders": folders.read,
    "classes": classes.read,
    "table": table.read,
}


def read(name: str, root: Path, fake_folders: Collection[str] = ()) -> pd.DataFrame:
    """Return the table of the dataset in `root`. `fake_folders` are names of folders of fakes, for
    the layout `folders` only. Raise UsageError if the layout `name` is unknown, DataError if `root`
    does not have that layout."""
    reader = select("--layout", name, LAYOUTS)
    if fake_folders and reader is not folders.read:
        raise UsageError("--fake_folders needs --layout folders")
    if not root.is_dir():
        raise DataError(f"--input {root} is not a folder")
    videos = reader(root, fake_folders) if fake_folders else reader(root)
    if "group" not in videos:
        videos["group"] = videos["source"]
    if "split" not in videos:
        videos["split"] = ""
    return videos
