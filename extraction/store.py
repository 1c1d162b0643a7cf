"""Stores crops on disk: one folder per video, written atomically.

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
from dataclasses import asdict
from pathlib import Path
from typing import Any

from common import crop_files, foreign
from common.errors import DataError
from common.files import PARTIAL
from faces.extract import Extraction

STATUSES = ("ok", "no_face", "unreadable", "timeout")  # of an extraction
MAX_SIZE = 2**62  # bytes, pixels or frames; larger numbers do not fit into a table


def save(folder: Path, extraction: Extraction, size: int, tar: bool = False) -> None:
    """Write a video's crops to a temporary folder, then rename it to `folder`, so that a killed
    process leaves no partial video.

    `size` is the video's size in bytes; it is stored to recognise later that another file has the
    same name. `tar` writes one tar file per track instead of one file per crop.
    """
    # A unique name: after a kill, an old process may still be writing the same video.
    partial = folder.with_name(f"{PARTIAL}{uuid.uuid4().hex}")
    try:
        _write(partial, extraction, size, tar)
        if folder.exists():  # damaged, or made from another file
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


def is_done(folder: Path, size: int | None) -> bool:
    """Return whether `folder` holds all crops of a video of `size` bytes. Without a `size`, a video
    of any size is accepted."""
    return find(folder, size) is not None


def find(folder: Path, size: int | None) -> dict[str, Any] | None:
    """Return the record in `folder` (see `load`) if it belongs to a video of `size` bytes and all
    its crops are there; otherwise return None. Without a `size`, a video of any size is
    accepted."""
    try:
        record = load(folder)
        complete = size in (None, record["bytes"]) and all(
            crop_files.count_crops(folder / track["crops"]) == len(track["frames"])
            for track in record["tracks"]
        )
    except (OSError, DataError, tarfile.TarError):
        return None
    return record if complete else None


def load(folder: Path) -> dict[str, Any]:
    """Return the record that `save` wrote: the fields of the Extraction as a dict, and `bytes`, the
    size of the video. In place of JPEG bytes, each track has `crops`, the name of its folder or tar
    file, and `sha256`. Raise DataError if the record cannot be read, or if a field that the
    manifest is made from is not as `save` writes it."""
    path = folder / "video.json"
    record = foreign.read_json(path)
    if not _is_record(record):
        raise DataError(f"{path} is damaged: run preprocess_dfdc.py again")
    return record


def _is_record(record: Any) -> bool:
    """Return whether the fields that the manifest is made from have the types and lengths that
    `save` writes. Crops must lie in the folder of the record."""
    if not isinstance(record, dict) or not isinstance(record.get("tracks"), list):
        return False
    sizes = (record.get(name) for name in ("bytes", "width", "height", "total_frames"))
    texts = (record.get("status"), record.get("detail"), record.get("codec", ""))
    return (
        all(type(size) is int and 0 <= size < MAX_SIZE for size in sizes)
        and type(record.get("fps")) in (int, float)
        and all(isinstance(text, str) for text in texts)
        and record["status"] in STATUSES
        and (record["status"] == "ok") == bool(record["tracks"])
        and all(_is_track(track, number) for number, track in enumerate(record["tracks"]))
    )


def _is_track(track: Any, number: int) -> bool:
    name = track_name(number)
    return (
        isinstance(track, dict)
        and track.get("crops") in (name, f"{name}.tar")
        and isinstance(track.get("sha256"), str)
        and all(isinstance(track.get(key), list) for key in ("frames", "boxes"))
        and 0 < len(track["frames"]) == len(track["boxes"])
        and all(_is_box(box) for box in track["boxes"])
        and _are_margins(track.get("margins", []), len(track["boxes"]))
    )


def _is_box(box: Any) -> bool:
    return isinstance(box, list) and len(box) == 4 and {*map(type, box)} <= {int, float}


def _are_margins(margins: Any, frames: int) -> bool:
    """Return whether `margins` are those of a FaceTrack; earlier versions stored none."""
    return isinstance(margins, list) and (
        not margins
        or (
            len(margins) == frames
            and all(m is None or (type(m) is float and -0.5 < m < MAX_SIZE) for m in margins)
        )
    )


def track_name(number: int) -> str:
    return f"track_{number}"


def crop_name(index: int) -> str:
    """Return the file name of the crop of frame `index`; sorting the names gives the order of the
    frames."""
    return f"{index:07d}.jpg"
