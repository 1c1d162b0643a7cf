"""How a public dataset lies on disk → one table of videos.

The table has a row per video: video_id, path (relative to the root), label, source, method,
status, detail; where they are known also group (what must stay in one split, else the source)
and split (official, else empty). `status` is empty for a video that is there to be read.
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
    """Raise UsageError for an unknown layout, DataError for a root that does not hold it."""
    reader = select("--layout", name, LAYOUTS)
    if not root.is_dir():
        raise DataError(f"--input {root} is not a folder")
    table = reader(root)
    if "group" not in table:
        table["group"] = table["source"]
    if "split" not in table:
        table["split"] = ""
    return table
