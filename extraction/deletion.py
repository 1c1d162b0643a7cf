"""Deletes extracted videos and records their sizes and hashes in <output>/deleted.csv.

The file has one row per video with its size in bytes and its SHA-256, so that copies of a deleted
video are still recognised.
"""

import os
from pathlib import Path

import pandas as pd

from common.errors import DataError
from common.files import sha256, write_text
from common.spreadsheets import quote_table, unquote_table

EXTRACTED = ("ok", "no_face")  # videos with another status may be needed by a later run
COLUMNS = {"video_id": str, "bytes": int, "sha256": str}


def read(output: Path) -> pd.DataFrame:
    """Return the columns `bytes` and `sha256` of the videos that were deleted earlier, indexed by
    video_id; no rows if none were. Raise DataError if deleted.csv is invalid."""
    path = output / "deleted.csv"
    if not path.is_file():
        return pd.DataFrame(columns=list(COLUMNS)).set_index("video_id")
    try:
        table = pd.read_csv(path, dtype=COLUMNS, keep_default_na=False)
        return unquote_table(table[list(COLUMNS)]).set_index("video_id")
    except (KeyError, ValueError) as error:
        raise DataError(f"{path} should have the columns {', '.join(COLUMNS)}: {error}") from error


def find(table: pd.DataFrame, root: Path) -> pd.DataFrame:
    """Return the manifest rows of extracted videos whose file still exists below `root`, one row
    per video."""
    extracted = table[table["status"].isin(EXTRACTED)].drop_duplicates("video_id")
    on_disk = [(root / path).is_file() for path in extracted["path"]]
    return extracted[pd.Series(on_disk, index=extracted.index, dtype=bool)]


def delete(videos: pd.DataFrame, root: Path, output: Path) -> None:
    """Record the size and SHA-256 of `videos` in deleted.csv, then delete their files below
    `root`."""
    files = [root / path for path in videos["path"]]
    new = pd.DataFrame(
        {
            "bytes": [file.stat().st_size for file in files],
            "sha256": [sha256(file) for file in files],
        },
        index=pd.Index(videos["video_id"], name="video_id"),
    )
    listed = pd.concat([read(output), new])
    listed = listed[~listed.index.duplicated(keep="last")].sort_index()
    cells = quote_table(listed.reset_index())
    write_text(output / "deleted.csv", cells.to_csv(index=False, lineterminator="\n"))
    os.sync()  # crops, manifest and list must be on disk before the videos are deleted
    for file in files:
        file.unlink()
