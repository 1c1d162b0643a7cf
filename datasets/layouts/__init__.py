"""How a public dataset lies on disk, read as one table of videos.

The table has a row per video: video_id, path (relative to the root), label, source, method, status,
detail; where known also group (what must stay in one split; by default the source) and split (the
official one, else empty). `status` is empty for a video that is on disk.
"""

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from common.errors import DataError
from common.registry import select
from datasets.layouts import celebdf, dfdc, ffpp, folders

LAYOUTS: dict[str, Callable[[Path], pd.DataFrame]] = {
    "dfdc": dfdc.read,
    "ffpp": ffpp.read,
    "celebdf": celebdf.read,
    "folders": folders.read,
}


def read(name: str, root: Path) -> pd.DataFrame:
    """Return the table of the dataset in `root`. Raise UsageError for an unknown layout, DataError
    for a root that does not hold it."""
    reader = select("--layout", name, LAYOUTS)
    if not root.is_dir():
        raise DataError(f"--input {root} is not a folder")
    table = reader(root)
    if "group" not in table:
        table["group"] = table["source"]
    if "split" not in table:
        table["split"] = ""
    return table
