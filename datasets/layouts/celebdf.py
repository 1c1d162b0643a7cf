"""Celeb-DF v1 and v2 (Li et al. 2020).

<root>/Celeb-real/id0_0000.mp4  <root>/YouTube-real/00000.mp4
<root>/Celeb-synthesis/id0_id1_0000.mp4       id0's video 0000 with id1's face
<root>/List_of_testing_videos.txt             the official test videos

The official list separates videos, not people: the same celebrities are in training and test.
"""

from pathlib import Path
from typing import Any

import pandas as pd

from common.errors import DataError
from common.files import list_folder
from datasets.manifest import FAKE, REAL

FOLDERS = {"Celeb-real": REAL, "YouTube-real": REAL, "Celeb-synthesis": FAKE}
TEST_LIST = "List_of_testing_videos.txt"


def read(root: Path) -> pd.DataFrame:
    """Return a row for every video on disk. Raise DataError if there is none, or if a fake is not
    named as in Celeb-DF."""
    files = [file for folder in FOLDERS for file in sorted((root / folder).glob("*.mp4"))]
    if not files:
        raise DataError(
            f"no Celeb-DF in {root}: expected folders {', '.join(FOLDERS)}, "
            f"found {list_folder(root)}"
        )
    test_videos = _test_videos(root / TEST_LIST)
    return pd.DataFrame([_row(root, file, test_videos) for file in files])


def _row(root: Path, file: Path, listed: set[str]) -> dict[str, Any]:
    path = file.relative_to(root).as_posix()
    folder = file.parent.name
    source = f"{folder}/{file.stem}"
    if FOLDERS[folder] == FAKE:
        ids = file.stem.split("_")
        if len(ids) != 3:
            raise DataError(f"{file} is not named as Celeb-DF's fakes are: id0_id1_0000.mp4")
        target, _, number = ids
        source = f"Celeb-real/{target}_{number}"
    return {
        "video_id": path,
        "path": path,
        "label": FOLDERS[folder],
        "source": source,
        "method": "" if FOLDERS[folder] == REAL else "Celeb-synthesis",
        "status": "",
        "detail": "",
        "split": "test" if path in listed else "",
    }


def _test_videos(path: Path) -> set[str]:
    """Return the paths in the official list, empty if there is no list. A line is a label (1 is
    REAL) and a path, such as `1 Celeb-real/id0_0001.mp4`."""
    if not path.is_file():
        return set()
    lines = path.read_text(encoding="utf-8").splitlines()
    return {line.split(maxsplit=1)[1].strip() for line in lines if len(line.split()) > 1}
