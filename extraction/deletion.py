"""Videos that are deleted because their crops are all that is needed, and what is known of them
afterwards: <output>/deleted.csv, a row per video with its size and digest.
"""

import os
from pathlib import Path

import pandas as pd

from common.errors import DataError
from common.files import sha256, write_text

DONE = ("ok", "no_face")  # a video of another status may be read another time
COLUMNS = {"video_id": str, "bytes": int, "sha256": str}


def read(output: Path) -> pd.DataFrame:
    """bytes and sha256 of the videos that were deleted earlier, by video_id."""
    path = output / "deleted.csv"
    if not path.is_file():
        return pd.DataFrame(columns=list(COLUMNS)).set_index("video_id")
    try:
        table = pd.read_csv(path, dtype=COLUMNS, keep_default_na=False)
        return table[list(COLUMNS)].set_index("video_id")
    except (KeyError, ValueError) as error:
        raise DataError(f"{path} should have the columns {', '.join(COLUMNS)}: {error}") from error


def find(table: pd.DataFrame, videos: Path) -> pd.DataFrame:
    """Rows of the manifest `table` whose video is extracted and still there, one per video."""
    done = table[table["status"].isin(DONE)].drop_duplicates("video_id")
    there = [(videos / path).is_file() for path in done["path"]]
    return done[pd.Series(there, index=done.index, dtype=bool)]


def delete(found: pd.DataFrame, videos: Path, output: Path) -> None:
    """Write down what the videos `found` are, so that copies of them are still known, then delete
    them."""
    files = [videos / path for path in found["path"]]
    fresh = pd.DataFrame(
        {
            "bytes": [file.stat().st_size for file in files],
            "sha256": [sha256(file) for file in files],
        },
        index=pd.Index(found["video_id"], name="video_id"),
    )
    known = pd.concat([read(output), fresh])
    known = known[~known.index.duplicated(keep="last")].sort_index()
    write_text(output / "deleted.csv", known.to_csv(lineterminator="\n"))
    os.sync()  # crops, manifest and list must be on the disk before their videos go
    for file in files:
        file.unlink()
