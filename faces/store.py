"""Crops on disk: one folder a video, that appears whole or not at all.

crops/<part>/<video file name>/video.json            everything but the pixels
crops/<part>/<video file name>/track_0/0000123.jpg   the crop of frame 123
"""

import hashlib
import json
import os
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

from faces.extract import Extraction


def save(folder: Path, extraction: Extraction, size: int) -> None:
    """Write a video's crops beside `folder`, then rename: a kill leaves no half-written video.

    `size` of the video in bytes: another file under its name will be told by it.
    """
    # A digest, because a file name may be as long as the file system allows.
    digest = hashlib.sha256(folder.name.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    partial = folder.with_name(f".partial-{digest}")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    record = asdict(extraction) | {"bytes": size}
    for number, track in enumerate(record["tracks"]):
        track["crops"] = track_name(number)
        target = partial / track["crops"]
        target.mkdir()
        for index, data in zip(track["frames"], track.pop("jpegs"), strict=True):
            (target / crop_name(index)).write_bytes(data)
    (partial / "video.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    if folder.exists():  # damaged, or of another file
        shutil.rmtree(folder)
    os.replace(partial, folder)


def size(video: Path) -> int:
    """Bytes of a video; 0 when there is none to be read."""
    try:
        return os.stat(video).st_size
    except OSError:
        return 0


def is_done(folder: Path, size: int) -> bool:
    """Whether all crops of a video of `size` bytes are there."""
    try:
        record = load(folder)
        crops = [(track["crops"], len(track["frames"])) for track in record["tracks"]]
        same = record["bytes"] == size
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return same and all(len(list((folder / name).glob("*.jpg"))) == n for name, n in crops)


def load(folder: Path) -> dict[str, Any]:
    """The Extraction that `save` wrote, as a dict: crops by folder name instead of bytes."""
    return json.loads((folder / "video.json").read_text(encoding="utf-8"))


def track_name(number: int) -> str:
    return f"track_{number}"


def crop_name(index: int) -> str:
    """File name of the crop of frame `index`; sorts in time's order."""
    return f"{index:07d}.jpg"
