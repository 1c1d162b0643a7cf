"""Celeb-DF v1 and v2 (Li et al. 2020) and Celeb-DF++ (Li et al. 2025).

<root>/Celeb-real/id0_0000.mp4  <root>/YouTube-real/00000.mp4
<root>/Celeb-synthesis/id0_id1_0000.mp4       id0's video 0000 with id1's face
<root>/Celeb-synthesis/FaceSwap/InSwapper/id0_id1_0000.mp4     the same in Celeb-DF++
<root>/List_of_testing_videos.txt             the official test videos

Videos may lie in a folder `videos`; a folder of frames is read where its video is not there. The
official list separates videos, not people: the same celebrities are in training and test.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from common.errors import DataError
from datasets.layouts.home import CONTAINERS, find_home, find_videos
from datasets.layouts.listing import read_text
from datasets.manifest import FAKE, REAL

FOLDERS = {"Celeb-real": REAL, "YouTube-real": REAL, "Celeb-synthesis": FAKE}
TEST_LIST = "List_of_testing_videos.txt"
# Names of fakes say which video they show. In Celeb-DF++, not every method swaps two people.
FAKE_NAME = re.compile(r"([^_]+)_[^_]+_([^_]+)")
FAKE_NAME_OF_METHOD = re.compile(r"(id\d+)_(?:id\d+_)?(\d+)(?:_.*)?")


def read(root: Path) -> pd.DataFrame:
    """Return a row for every video on disk. Raise DataError if there is none, if a fake is not
    named as in Celeb-DF, or if the official list names other folders."""
    home = find_home(root, FOLDERS, f"folders {', '.join(FOLDERS)}")
    known = {name.lower(): name for name in FOLDERS}
    tops = sorted(path for path in home.iterdir() if path.name.lower() in known)
    rows = [
        _row(root, video, top, known[top.name.lower()])
        for top in sorted(tops, key=lambda top: list(known).index(top.name.lower()))
        for video in sorted(find_videos(top))
    ]
    if not rows:
        raise DataError(f"no Celeb-DF in {root}: expected videos in {', '.join(FOLDERS)}")
    _add_official_split(rows, home / TEST_LIST)
    return pd.DataFrame(rows)


def _row(root: Path, video: Path, top: Path, folder: str) -> dict[str, Any]:
    """Return the row of a video below `top`, which is called `folder` in Celeb-DF."""
    path = video.relative_to(root).as_posix()
    name = video.name if video.is_dir() else video.stem
    *methods, _ = _words(video.relative_to(top))
    source = f"{folder}/{name}"
    if FOLDERS[folder] == FAKE:
        match = (FAKE_NAME_OF_METHOD if methods else FAKE_NAME).fullmatch(name)
        if not match:
            raise DataError(f"{video} is not named as Celeb-DF's fakes are: id0_id1_0000.mp4")
        source = f"Celeb-real/{match[1]}_{match[2]}"
    return {
        "video_id": path,
        "path": path,
        "label": FOLDERS[folder],
        "source": source,
        "method": "" if FOLDERS[folder] == REAL else [folder, *methods][-1],
        "status": "",
        "detail": "",
        "split": "/".join([folder, *methods, name]),
    }


def _words(path: Path) -> list[str]:
    """Return the parts of a path, without those that only hold videos."""
    return [part for part in path.parts if part.lower() not in CONTAINERS]


def _add_official_split(rows: list[dict[str, Any]], path: Path) -> None:
    """Replace `split`, the name of a video in the official list `path`, by its official split."""
    listed = _test_videos(path)
    names = {row["split"] for row in rows}
    ours, theirs = (_folders_of_fakes(some) for some in (names, listed))
    if ours and theirs and ours.isdisjoint(theirs):
        raise DataError(f"{path} lists fakes in {min(theirs)}, but they lie in {min(ours)}")
    for row in rows:
        row["split"] = "test" if row["split"] in listed else ""


def _folders_of_fakes(names: Iterable[str]) -> set[str]:
    folders = {name.rpartition("/")[0] for name in names}
    return {folder for folder in folders if FOLDERS.get(folder.partition("/")[0]) == FAKE}


def _test_videos(path: Path) -> set[str]:
    """Return the paths in the official list without endings, empty if there is no list. A line is a
    label (1 is REAL) and a path, such as `1 Celeb-real/id0_0001.mp4`."""
    if not path.is_file():
        return set()
    lines = read_text(path).splitlines()
    paths = [Path(line.split(maxsplit=1)[1].strip()) for line in lines if len(line.split()) > 1]
    return {"/".join(_words(path.with_suffix(""))) for path in paths}
