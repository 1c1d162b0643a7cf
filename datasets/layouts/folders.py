"""Your own data: folders whose names say what is real and what is fake, nested in any way.

<root>/real/clip.mp4  <root>/fake/clip.mp4               videos, or images as videos of one frame
<root>/real/clip/0001.png  <root>/fake/clip/0001.png     a folder of numbered frames is one video
<root>/train/real/…  <root>/real_test/…                  splits that the tree has

docs/data.md says which names are understood (folder_names.py), and what counts as a source.
"""

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from common import media_files
from common.errors import DataError, UsageError
from common.files import list_folder
from datasets import splits
from datasets.layouts import folder_names
from datasets.layouts.folder_items import Item, sources
from datasets.manifest import FAKE, REAL


def read(root: Path, fake_folders: Collection[str] = ()) -> pd.DataFrame:
    """Return a row for every video, image and folder of frames. `fake_folders` are names of folders
    of fakes that the known words do not cover.

    Raise UsageError if there is no folder of such a name, and DataError if there is no data, or if
    folders do not say clearly what is real, what is fake and how it is split.
    """
    items = sorted(_find(root, fake_folders), key=lambda item: item.path)
    if not items:
        raise DataError(
            f"expected videos or images in {root}/real/ and {root}/fake/, found {list_folder(root)}"
        )
    _check_fake_folders(items, fake_folders)
    _check_labels(root, items)
    _check_frames(root, items)
    tree_splits = _tree_splits(root, items)
    return pd.DataFrame(
        _row(item, source, tree_splits) for item, source in zip(items, sources(items), strict=True)
    )


def _find(root: Path, fake_folders: Collection[str]) -> Iterator[Item]:
    for folder, names in media_files.walk(root, follow=True):
        path = folder.relative_to(root)
        folders = folder_names.parse(path.parts, fake_folders)
        inside = any(outer.label is not None for outer in folders[:-1])
        if inside and folders[-1].is_plain and media_files.are_frames(names):
            yield Item(path, folders[:-1], is_file=False)
            continue
        for name in names:
            if (folder / name).is_file():
                yield Item(path / name, folders, is_file=True)


def _check_fake_folders(items: Iterable[Item], fake_folders: Collection[str]) -> None:
    found = {folder.name for item in items for folder in item.folders}
    absent = [name for name in fake_folders if name not in found]
    if absent:
        raise UsageError(f"--fake_folders: no video in a folder called {', '.join(absent)}")


def _check_labels(root: Path, items: Iterable[Item]) -> None:
    """Raise DataError if the folders of an item say nothing about its label, or both labels."""
    tops: dict[int | None, set[str]] = {REAL: set(), FAKE: set(), None: set()}
    for item in items:
        if len(item.labels) > 1:
            raise DataError(
                f"{root / item.path} is both in a folder of real and in one of fake videos: "
                "rename one of them"
            )
        label = next(iter(item.labels), None)
        labelled = [folder.name for folder in item.folders if folder.label is not None]
        others = ["/".join(folder.name for folder in item.folders[:2]) or item.path.name]
        tops[label].update(labelled or others)
    if tops[None]:
        raise DataError(
            f"{root}: it is not clear whether these are real or fake: {_some(tops[None])}; folders "
            f"of real videos: {_some(tops[REAL])}; of fakes: {_some(tops[FAKE])}. Name folders of "
            "fakes with --fake_folders, and call that of the real videos real"
        )


def _some(names: Collection[str]) -> str:
    """Return the first eight names, sorted, for an error message."""
    return ", ".join(sorted(names)[:8]) + (", …" if len(names) > 8 else "") or "none"


def _check_frames(root: Path, items: Iterable[Item]) -> None:
    """Raise DataError if some images seem to be frames of a video and others do not, or if a folder
    of frames lies in another."""
    folders = {item.path for item in items if not item.is_file}
    inner = next((item.path for item in items if not folders.isdisjoint(item.path.parents)), None)
    if inner:
        raise DataError(f"{root / inner} lies in a folder of frames: move one of the two")
    frames = next((item for item in items if not item.is_file), None)
    single = next((i for i in items if i.is_file and media_files.is_image(i.path.name)), None)
    if frames and single:
        raise DataError(
            f"{root}: if the numbered images in {frames.path} are frames of one video, "
            f"{single.path} should be in a folder of its own too; if they are pictures, move them "
            "directly into real or fake, or name their folder with --fake_folders"
        )


def _tree_splits(root: Path, items: Iterable[Item]) -> set[str]:
    """Return the splits that the tree has. Raise DataError if an item is in two of them, or if some
    items are in none."""
    several = next((item for item in items if len(item.splits) > 1), None)
    if several:
        raise DataError(f"{root / several.path} is in folders of two splits: rename one of them")
    example = {item.split: item for item in items}
    found = set(example) - {""}
    if found and "" in example:
        inside = example[min(found)]
        raise DataError(
            f"{root}: {inside.path} is in a folder of the {inside.split} split, and "
            f"{example[''].path} in none: put all videos into folders train, val and test, or none"
        )
    return found


def _row(item: Item, source: str, tree_splits: set[str]) -> dict[str, Any]:
    path = item.path.as_posix()
    return {
        "video_id": path,
        "path": path,
        "label": next(iter(item.labels)),
        "source": source,
        "method": next((f.method for f in reversed(item.folders) if f.method), ""),
        "kind": next((f.kind for f in reversed(item.folders) if f.kind), ""),
        "status": "",
        "detail": "",
        # Names may repeat in the splits of a tree, which says that these are other videos.
        "group": f"{item.split}/{source}" if item.split else source,
        "split": splits.official(item.split, tree_splits),
    }
