"""Crops on disk: one folder a video, that appears whole or not at all.

crops/<part>/<video file name>/video.json            everything but the pixels
crops/<part>/<video file name>/track_0/0000123.jpg   the crop of frame 123
"""

import json
import os
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

from faces.extract import Extraction


def save(folder: Path, extraction: Extraction) -> None:
    """Write a video's crops beside `folder`, then rename: a kill leaves no half-written video."""
    partial = folder.with_name(f".partial-{folder.name}")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    record = asdict(extraction)
    for number, track in enumerate(record["tracks"]):
        track["crops"] = track_name(number)
        target = partial / track["crops"]
        target.mkdir()
        for index, data in zip(track["frames"], track.pop("jpegs"), strict=True):
            (target / crop_name(index)).write_bytes(data)
    (partial / "video.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    if folder.exists():  # without a video.json: somebody deleted it
        shutil.rmtree(folder)
    os.replace(partial, folder)


def is_done(folder: Path) -> bool:
    return (folder / "video.json").is_file()


def load(folder: Path) -> dict[str, Any]:
    """The Extraction that `save` wrote, as a dict: crops by folder name instead of bytes."""
    return json.loads((folder / "video.json").read_text(encoding="utf-8"))


def track_name(number: int) -> str:
    return f"track_{number}"


def crop_name(index: int) -> str:
    """File name of the crop of frame `index`; sorts in time's order."""
    return f"{index:07d}.jpg"
