"""Pictures to sort by what they show, such as animals, faces and vehicles: a folder for each class.

<root>/<class>/…/picture.jpg                  any number of classes, videos too
<root>/train/<class>/…  <root>/test/<class>/…  splits that the tree has

Nothing here is called fake: the label of every row is REAL.
"""

from pathlib import Path
from typing import Any

import pandas as pd

from common import media_files
from common.errors import DataError
from common.files import list_folder
from datasets import splits
from datasets.layouts import folder_names
from datasets.manifest import REAL


def read(root: Path) -> pd.DataFrame:
    """Return a row for every picture and video, with its class in the column `class`. Raise
    DataError if there are not at least two classes with two files each, or if a file lies in no
    class."""
    rows = [
        _row(root, (folder / name).relative_to(root))
        for folder, names in media_files.walk(root, follow=True)
        for name in names
        if (folder / name).is_file()
    ]
    counts = pd.Series([row["class"] for row in rows], dtype=str).value_counts()
    if len(counts) < 2:
        raise DataError(
            f"expected a folder of pictures for each of two or more classes in {root}, found "
            f"{list_folder(root)}"
        )
    if counts.min() < 2:
        raise DataError(
            f"{root}: the class {counts.idxmin()!r} has one picture: it cannot be both learned and "
            "measured; add some, or move its folder away"
        )
    found = {row["split"] for row in rows} - {""}
    table = pd.DataFrame(rows).sort_values("path", ignore_index=True)
    if found and (table["split"] == "").any():
        outside = table.loc[table["split"] == "", "path"].iloc[0]
        raise DataError(f"{root}: there are folders of splits, and {outside} is in none of them")
    table["split"] = [splits.official(split, found) for split in table["split"]]
    return table


def _row(root: Path, path: Path) -> dict[str, Any]:
    """Return the row of a file at `path` below `root`. Raise DataError if it lies in no class."""
    folders = path.parts[:-1]
    split = folder_names.parse(folders[:1], ())[0].split if folders else ""
    if split:
        folders = folders[1:]
    if not folders:
        raise DataError(f"{root}: {path} lies in no class: put it into the folder of one")
    name = path.as_posix()
    return {
        "video_id": name,
        "path": name,
        "label": REAL,
        "source": name,
        "method": "",
        "status": "",
        "detail": "",
        "group": name,
        "split": split,
        "class": folders[0],
    }
