"""Tells data from everything else in a folder: videos and images by their endings, never junk.

Preprocessing and score.py's search in folders share these rules. A file that is given by name is
not tested: it may have any name. A video may also be a folder of its frames.
"""

import hashlib
import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from common.files import file_size, sha256

_VIDEOS = "3gp asf avi flv gif m2ts m4v mkv mov mp4 mpeg mpg mts mxf ogv ts vob webm wmv"
_IMAGES = "avif bmp heic heif jpeg jpg png tif tiff webp"
VIDEO_ENDINGS = frozenset(f".{name}" for name in _VIDEOS.split())
IMAGE_ENDINGS = frozenset(f".{name}" for name in _IMAGES.split())

# Folders that are not data, besides hidden ones (.Trash-1000, .ipynb_checkpoints): of systems and
# network drives, of thumbnails, and the masks of FaceForensics++, which say where a fake differs.
_SYSTEM = {"__macosx", "__pycache__", "$recycle.bin", "recycler", "lost+found", "#recycle"}
_SYSTEM |= {"@eadir", "@recycle", "system volume information", "network trash folder"}
_THUMBNAILS = {"thumb", "thumbs", "thumbnail", "thumbnails"}  # also as names of images
_NO_DATA = _SYSTEM | _THUMBNAILS | {"mask", "masks"}


def is_data_folder(name: str) -> bool:
    """Return whether the folder called `name`, found in another one, may hold data."""
    return not name.startswith(".") and name.lower() not in _NO_DATA


def is_media(name: str) -> bool:
    """Return whether a file name found in a folder is that of a video or an image, by its ending.
    Hidden files (`._clip.mp4`) and thumbnails are not."""
    stem, ending = os.path.splitext(name.lower())
    if stem.startswith("."):
        return False
    return ending in VIDEO_ENDINGS or (ending in IMAGE_ENDINGS and stem not in _THUMBNAILS)


def is_image(name: str) -> bool:
    """Return whether a file name has the ending of an image."""
    return os.path.splitext(name.lower())[1] in IMAGE_ENDINGS


def walk(
    folder: Path, onerror: Callable[[OSError], object] | None = None, follow: bool = False
) -> Iterator[tuple[Path, list[str]]]:
    """Yield `folder` and every data folder below it, each with the names of its videos and images,
    sorted. `folder` itself may have any name. `onerror` gets the error of a folder that cannot be
    listed. Links to folders are only followed with `follow`, and those to a folder around them
    never."""
    for parent, folders, names in os.walk(folder, onerror=onerror, followlinks=follow):
        data = sorted(filter(is_data_folder, folders))
        folders[:] = [name for name in data if not _is_loop(folder, Path(parent, name))]
        yield Path(parent), sorted(filter(is_media, names))


def _is_loop(top: Path, folder: Path) -> bool:
    """Return whether `folder` is a link to one of the folders around it, up to `top`."""
    if not folder.is_symlink():
        return False
    return any(path.samefile(folder) for path in folder.parents if path.is_relative_to(top))


def are_frames(names: Sequence[str]) -> bool:
    """Return whether the media files of one folder are the frames of one video: images whose names
    differ in their numbers only."""
    stems = [os.path.splitext(name)[0] for name in names if is_image(name)]
    patterns = {re.sub(r"\d+", "#", stem) for stem in stems}
    return len(patterns) == 1 and "#" in patterns.pop() and len(stems) == len(names)


def frame_paths(folder: Path) -> list[Path]:
    """Return the images in a folder of frames in the order of their numbers: 2 before 10."""
    names = [path.name for path in folder.iterdir() if is_media(path.name) and is_image(path.name)]
    return [folder / name for name in sorted(names, key=_in_order)]


def _in_order(name: str) -> tuple[list[int], str]:
    return [int(number) for number in re.findall(r"\d+", name)], name


def video_size(path: Path) -> int:
    """Return the size of a video in bytes, for a folder of frames that of all its images; 0 if it
    does not exist or is not accessible."""
    return sum(map(file_size, frame_paths(path))) if path.is_dir() else file_size(path)


def video_sha256(path: Path) -> str:
    """Return the SHA-256 of a video's content as hexadecimal text, for a folder of frames that of
    the hashes of all its images."""
    if not path.is_dir():
        return sha256(path)
    hashes = "".join(map(sha256, frame_paths(path)))
    return hashlib.sha256(hashes.encode()).hexdigest()
