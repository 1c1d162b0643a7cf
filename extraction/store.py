"""Crops on disk: one folder per video, which appears whole or not at all.

crops/<part>/<video file name>/video.json            everything but the pixels
crops/<part>/<video file name>/track_0/0000123.jpg   the crop of frame 123
crops/<part>/<video file name>/track_0.tar           or all crops of a track in one file
"""

import hashlib
import json
import os
import shutil
import tarfile
import uuid
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from common import crop_files
from common.files import PARTIAL
from faces.extract import Extraction


def save(folder: Path, extraction: Extraction, size: int, tar: bool = False) -> None:
    """Write a video's crops beside `folder`, then rename: a kill leaves no half-written video.

    `size` is that of the video in bytes, by which another file under its name is recognised. `tar`
    writes one file per track instead of one per crop.
    """
    # A unique name: after a kill, an old process may still be writing the same video.
    partial = folder.with_name(f"{PARTIAL}{uuid.uuid4().hex}")
    try:
        _write(partial, extraction, size, tar)
        if folder.exists():  # damaged, or of another file
            shutil.rmtree(folder)
        os.replace(partial, folder)
    except OSError:
        shutil.rmtree(partial, ignore_errors=True)
        if not is_done(folder, size):  # else the other process was faster
            raise


def _write(folder: Path, extraction: Extraction, size: int, tar: bool) -> None:
    folder.mkdir(parents=True)
    record = asdict(extraction) | {"bytes": size}
    for number, track in enumerate(record["tracks"]):
        track["crops"] = track_name(number) + (".tar" if tar else "")
        names = map(crop_name, track["frames"])
        crops = dict(zip(names, track.pop("jpegs"), strict=True))
        track["sha256"] = hashlib.sha256(b"".join(crops.values())).hexdigest()
        _write_crops(folder / track["crops"], crops, tar)
    (folder / "video.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def _write_crops(target: Path, crops: dict[str, bytes], tar: bool) -> None:
    if tar:
        with tarfile.open(target, "w") as file:
            for name, data in crops.items():
                crop_files.add_member(file, name, data)
        return
    target.mkdir()
    for name, data in crops.items():
        (target / name).write_bytes(data)


def sweep(folders: Iterable[Path]) -> None:
    """Delete what a kill left half-written beside `folders`. Not to be called while another
    process writes."""
    for parent in {folder.parent for folder in folders}:
        for partial in parent.glob(f"{PARTIAL}*"):
            if partial.is_dir():
                shutil.rmtree(partial, ignore_errors=True)
            else:
                partial.unlink(missing_ok=True)


def is_done(folder: Path, size: int | None) -> bool:
    """Return whether `find` finds all crops."""
    return find(folder, size) is not None


def find(folder: Path, size: int | None) -> dict[str, Any] | None:
    """Return the record that `load` reads if all crops of a video of `size` bytes are there (None:
    of any size), else None."""
    try:
        record = load(folder)
        complete = size in (None, record["bytes"]) and all(
            "sha256" in track
            and crop_files.count_crops(folder / track["crops"]) == len(track["frames"])
            for track in record["tracks"]
        )
    except (OSError, ValueError, KeyError, TypeError, tarfile.TarError):
        return None
    return record if complete else None


def load(folder: Path) -> dict[str, Any]:
    """Return the Extraction that `save` wrote as a dict, with the names of crop folders in place
    of JPEG bytes."""
    return json.loads((folder / "video.json").read_text(encoding="utf-8"))


def track_name(number: int) -> str:
    return f"track_{number}"


def crop_name(index: int) -> str:
    """Return the file name of the crop of frame `index`; names sort in order of time."""
    return f"{index:07d}.jpg"
