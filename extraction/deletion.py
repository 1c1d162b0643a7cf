"""Videos deleted because their crops suffice, and what stays known of them: <output>/deleted.csv, a
row per video with its size and SHA-256."""

import os
from pathlib import Path

import pandas as pd

from common.errors import DataError
from common.files import sha256, write_text

EXTRACTED = ("ok", "no_face")  # a video with another status may be read another time
COLUMNS = {"video_id": str, "bytes": int, "sha256": str}


def read(output: Path) -> pd.DataFrame:
    """Return `bytes` and `sha256` of the videos that were deleted earlier, indexed by video_id."""
    path = output / "deleted.csv"
    if not path.is_file():
        return pd.DataFrame(columns=list(COLUMNS)).set_index("video_id")
    try:
        table = pd.read_csv(path, dtype=COLUMNS, keep_default_na=False)
        return table[list(COLUMNS)].set_index("video_id")
    except (KeyError, ValueError) as error:
        raise DataError(f"{path} should have the columns {', '.join(COLUMNS)}: {error}") from error


def find(table: pd.DataFrame, root: Path) -> pd.DataFrame:
    """Return the manifest rows of videos that are extracted and still on disk, one per video."""
    extracted = table[table["status"].isin(EXTRACTED)].drop_duplicates("video_id")
    on_disk = [(root / path).is_file() for path in extracted["path"]]
    return extracted[pd.Series(on_disk, index=extracted.index, dtype=bool)]


def delete(videos: pd.DataFrame, root: Path, output: Path) -> None:
    """Record the `videos` in deleted.csv, so that copies of them are still recognised, then delete
    the files."""
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
    write_text(output / "deleted.csv", listed.to_csv(lineterminator="\n"))
    os.sync()  # crops, manifest and list must be on disk before the videos are deleted
    for file in files:
        file.unlink()
