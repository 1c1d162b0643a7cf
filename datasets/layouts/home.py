"""Finds a dataset in the folder that was given, and the videos in its folders."""

from collections.abc import Collection, Iterator
from pathlib import Path

from common import media_files
from common.errors import DataError
from common.files import list_folder

DEPTH = 2  # archives often unpack into a folder of their own
CONTAINERS = {"videos", "frames", "images"}  # folders of many videos, not named after one


def find_home(root: Path, names: Collection[str], expected: str) -> Path:
    """Return the folder that has folders called `names`, in any case: `root` or the only one of
    those below it. Raise DataError, which says what was `expected`, if there is none or several."""
    homes = _homes(root, {name.lower() for name in names}, DEPTH)
    if not homes:
        raise DataError(f"{root}: expected {expected}, found {list_folder(root)}")
    if len(homes) > 1:
        raise DataError(
            f"{root} has several datasets, in {homes[0].name} and {homes[1].name}: choose one of "
            "these folders as --input"
        )
    return homes[0]


def _homes(folder: Path, names: set[str], depth: int) -> list[Path]:
    children = sorted(path for path in folder.iterdir() if path.is_dir())
    if any(child.name.lower() in names for child in children):
        return [folder]
    inner = [child for child in children if media_files.is_data_folder(child.name)]
    return [home for child in inner if depth for home in _homes(child, names, depth - 1)]


def find_videos(folder: Path) -> Iterator[Path]:
    """Yield the videos below `folder`: files, and folders of frames that have no file of the same
    name beside them (`videos/000.mp4` beside `frames/000/`)."""
    frames, files = [], set()
    for parent, names in media_files.walk(folder, follow=True):
        is_container = parent == folder or parent.name.lower() in CONTAINERS
        if media_files.are_frames(names) and not is_container:
            frames.append(parent)
            continue
        for path in (parent / name for name in names if not media_files.is_image(name)):
            if path.is_file():
                files.add(_place(path.with_suffix("")))
                yield path
    yield from (path for path in frames if _place(path) not in files)


def _place(path: Path) -> tuple[str, ...]:
    return tuple(part for part in path.parts if part.lower() not in CONTAINERS)
