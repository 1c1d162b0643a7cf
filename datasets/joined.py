"""Joins several manifests into one, for a training on several collections of videos.

Collections may differ in the margin, size and JPEG quality of their crops. One manifest names the
settings that videos are judged with, and so those that the checkpoint carries.
"""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from common import crop_files, preprocessing
from common.errors import DataError
from common.preprocessing import FaceConfig
from datasets import manifest
from datasets.manifest import Manifest

# Settings of crops in which collections may differ.
MAY_DIFFER = ("margin", "face_size", "jpeg_quality")


def names(paths: list[Path]) -> list[str]:
    """Return a short, unique name for each manifest: that of its folder or, for a file with another
    name than videos_df.csv, of the file; the whole path where short names repeat."""
    short = [
        path.absolute().parent.name if path.stem == "videos_df" else path.stem for path in paths
    ]
    return [
        name if name and short.count(name) == 1 else str(path)
        for name, path in zip(short, paths, strict=True)
    ]


def join(manifests: Mapping[str, Manifest], judge: str) -> Manifest:
    """Return one manifest of all videos. Its rows name their collection, a key of `manifests`; its
    settings of crops are those of the collection `judge`.

    Raise DataError if settings differ that may not, or if a group is in different splits.
    """
    faces = manifests[judge].faces
    for name, data in manifests.items():
        _check_settings(name, data.faces, judge, faces)
    common = Path(os.path.commonpath([data.folder.absolute() for data in manifests.values()]))
    tables = [_relative(name, data, common) for name, data in manifests.items()]
    table = pd.concat(tables, ignore_index=True)
    _check_groups(table)
    return Manifest(table, common, faces, {name: data.faces for name, data in manifests.items()})


def fingerprint(manifests: Mapping[str, Manifest]) -> dict[str, Any]:
    """Return a dict that identifies several manifests, as manifest.fingerprint does for one."""
    parts = [manifest.fingerprint(data) for data in manifests.values()]
    counts: dict[str, int] = {}
    for part in parts:
        for name, count in part["videos"].items():
            counts[name] = counts.get(name, 0) + count
    together = " ".join(part["sha256"] for part in parts)
    return {"sha256": hashlib.sha256(together.encode()).hexdigest(), "videos": counts}


def _check_settings(name: str, faces: FaceConfig, judge: str, judged: FaceConfig) -> None:
    """Raise DataError if the crops of collection `name` were made with other settings than those of
    `judge`, except MAY_DIFFER."""
    found = preprocessing.differences(judged, faces)
    different = {k: pair for k, pair in found.items() if k not in MAY_DIFFER}
    if different:
        values = ", ".join(f"{k} {own} and {other}" for k, (other, own) in different.items())
        raise DataError(
            f"{name} and {judge} were extracted with different settings ({values}): only "
            f"{', '.join(MAY_DIFFER)} may differ; extract one of them again"
        )


def _relative(name: str, data: Manifest, common: Path) -> pd.DataFrame:
    """Return the rows of a collection with names that are unique among collections and with crops
    relative to the folder `common`. Groups keep their names, by which leaks are recognised."""
    folder = data.folder.absolute().relative_to(common).as_posix()
    crops = [
        text if not text or crop_files.parse(text).is_url else f"{folder}/{text}".removeprefix("./")
        for text in data.table["crops"]
    ]
    table = data.table.assign(crops=crops, collection=name)
    for column in ("video_id", "source"):
        table[column] = f"{name}/" + table[column]
    return table


def _check_groups(table: pd.DataFrame) -> None:
    """Raise DataError if a group is in several splits: validation and test would leak."""
    splits = table.groupby("group")["split"].nunique()
    leaked = splits.index[splits > 1]
    if len(leaked):
        where = " and ".join(sorted(set(table["collection"][table["group"] == leaked[0]])))
        raise DataError(
            f"{len(leaked)} groups are in different splits, first {leaked[0]!r} of {where}: "
            "extract the collections with the same --seed and shares"
        )
