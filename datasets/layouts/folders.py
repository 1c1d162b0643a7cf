"""Your own data: a folder `real` beside `fake`, or beside one folder for each method.

<root>/real/clip.mp4  <root>/fake/clip.mp4  or  <root>/<method>/clip.mp4     videos or images

Files with the same name (without extension) count as one source, so a fake that is named after its
original stays in the original's split. Other relations between files are unknown here.
"""

from pathlib import Path
from typing import Any

import pandas as pd

from common import media_files
from common.errors import DataError
from common.files import list_folder
from datasets.manifest import FAKE, REAL


def read(root: Path) -> pd.DataFrame:
    """Return a row for every video and image. Raise DataError if `real` or all other folders are
    empty."""
    rows = [
        _row(root, folder, file)
        for folder in sorted(path for path in root.iterdir() if path.is_dir())
        if media_files.is_data_folder(folder.name)
        for file in sorted(
            parent / name for parent, names in media_files.walk(folder) for name in names
        )
        if file.is_file()
    ]
    if {row["label"] for row in rows} != {REAL, FAKE}:
        raise DataError(
            f"expected videos or images in {root}/real/ and in {root}/fake/ or one folder for "
            f"every method, found {list_folder(root)}"
        )
    return pd.DataFrame(rows)


def _row(root: Path, folder: Path, file: Path) -> dict[str, Any]:
    path = file.relative_to(root).as_posix()
    name = folder.name.lower()
    return {
        "video_id": path,
        "path": path,
        "label": REAL if name == "real" else FAKE,
        "source": file.stem,
        "method": "" if name in ("real", "fake") else folder.name,
        "status": "",
        "detail": "",
    }
