"""The videos in folders of your own, and the sources that their names and folders tell.

Nothing but names is known. Where they leave a choice, more videos share a source: that keeps them
in one split, and never leaks.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from common import media_files
from datasets.layouts.folder_names import FolderName
from datasets.manifest import REAL

# The number of a frame after the name of its video: `clip_frame7`, or `000_0001`, whose first part
# has a number too. The second counter of `000_0001_1` is that of a person in the frame.
FRAME_WORD = re.compile(r"(.+?)[ _-]+frames?[ _-]*\d+", re.IGNORECASE)
FRAME_NUMBERS = re.compile(r"(.*?\d.*?)(?:[ _-]+\d+)+")


@dataclass(frozen=True)
class Item:
    """A video: a file, or a folder of frames."""

    path: Path  # relative to the root
    folders: list[FolderName]  # that it lies in, the outermost first
    is_file: bool

    @property
    def labels(self) -> set[int]:
        return {folder.label for folder in self.folders if folder.label is not None}

    @property
    def splits(self) -> set[str]:
        return {folder.split for folder in self.folders if folder.split}

    @property
    def split(self) -> str:
        return "".join(self.splits)

    @property
    def name(self) -> str:
        """Its name without ending; for an image, that of the video that it seems to be from."""
        if not self.is_file:
            return self.path.name
        stem = self.path.stem
        if not media_files.is_image(self.path.name):
            return stem
        frame = FRAME_WORD.fullmatch(stem) or FRAME_NUMBERS.fullmatch(stem)
        return frame[1] if frame else stem


def sources(items: Sequence[Item]) -> list[str]:
    """Return the source of every item, for one of these reasons:

    1. A folder between two folders of its label is the source (`real_train/7/real/103`, as in
       WildDeepfake, where it holds the clips of one video).
    2. If names of real videos repeat in different folders of a split (`real/anna/01`,
       `real/ben/01`), the folder is the source.
    3. Else the name is the source: `fake/x/a.mp4` is made from `real/a.mp4`.
    """
    places = defaultdict(set)
    for item in items:
        if REAL in item.labels:
            places[item.split, item.name].add(_plain(item.folders))
    repeated = any(len(folders) > 1 for folders in places.values())
    return [
        _between_labels(item) or (repeated and _plain(item.folders)) or item.name for item in items
    ]


def _plain(folders: Sequence[FolderName]) -> str:
    return "/".join(folder.name for folder in folders if folder.is_plain)


def _between_labels(item: Item) -> str:
    labelled = [i for i, folder in enumerate(item.folders) if folder.label is not None]
    return _plain(item.folders[labelled[0] : labelled[-1]])
