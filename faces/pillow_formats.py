"""Chooses Pillow for the formats that FFmpeg cannot decode."""

from pathlib import Path
from types import ModuleType

from faces import animated_webp, tiled_picture


def reader(path: Path) -> ModuleType | None:
    """Return the module that reads a file with Pillow, or None if FFmpeg is to read it. The module
    has `read` and `every_frame`, as faces/pyav_video.py. Raise OSError if the file cannot be
    read."""
    if animated_webp.is_animated(path):
        return animated_webp
    return tiled_picture if tiled_picture.is_tiled(path) else None
