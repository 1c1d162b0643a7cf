"""Crops as WebDataset shards: a few large tar files instead of millions of small files.

<url>/<digest>/train-000000.tar, train-000001.tar …, val-000000.tar …
    <video_id>/track_0.0000123.jpg   one sample per track: its crops by frame,
    <video_id>/track_0.json          its row of the manifest, its boxes, landmarks, confidences
<url>/<digest>/index.json            location of each track, bytes of each shard; written last

Any tool that reads WebDataset can read the shards, with labels and splits. This project reads a
track by its byte range. Tracks are shuffled, so that training can also read shards sequentially.
"""

import hashlib
import json
import os
import re
import tarfile
import uuid
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import fsspec
import pandas as pd
from tqdm import tqdm

from common import crop_files
from common.files import PARTIAL
from extraction import store

INDEX = "index.json"
DIGITS = 16  # length of <digest>, the name of a set of shards
SHARD_BYTES = 256_000_000  # a shard ends after the track that reaches this size
# Stored with the crops of a track: columns of the manifest, and lists of the crop store's record.
TRACK_COLUMNS = [
    *("video_id", "label", "source", "group", "split", "method", "track", "width", "height")
]
CROP_LISTS = ["frames", "seconds", "boxes", "landmarks", "confidences", "sha256"]

Row = dict[str, Any]  # a row of the manifest


def check_writable(url: str) -> None:
    """Create the folder `url`, before any work starts. Raise DataError if its protocol is unknown
    or it cannot be created."""
    crop_files.check_url(url)
    with crop_files.url_errors(url):
        files, root = fsspec.url_to_fs(url)
        files.makedirs(root, exist_ok=True)


def pack(table: pd.DataFrame, folder: Path, url: str | None) -> pd.DataFrame:
    """Write the tracks of `table` as shards; return `table` with `crops` pointing into them.

    `table` has the manifest's columns; its column `crops` is relative to `folder`. Shards are
    written to `url` (anything that fsspec supports), or to `folder`/shards if it is None. A
    complete set of shards is not written again.
    """
    tracks = _shuffled(table[table["status"] == "ok"])
    if not tracks:
        return table
    digest = _digest(tracks, folder)
    base = f"{url or 'shards'}/{digest}"
    with crop_files.url_errors(base):
        files, root = fsspec.url_to_fs(url or str(folder / "shards"))
        locations = _read_index(files, f"{root}/{digest}")
        if locations is None:
            files.makedirs(f"{root}/{digest}", exist_ok=True)
            locations = _write(tracks, folder, files, f"{root}/{digest}")
        names = {name.rpartition("/")[2] for name in files.ls(root, detail=False)}
    print(f"shards: {len(tracks)} tracks in {base}")
    if len([name for name in names if re.fullmatch(f"[0-9a-f]{{{DIGITS}}}", name)]) > 1:
        print(f"other sets of shards beside {base} are older or belong to other manifests")
    rows = table.to_dict("records")
    return table.assign(
        crops=[f"{base}/{locations[_key(r)]}" if r["status"] == "ok" else "" for r in rows]
    )


def _read_index(files: fsspec.AbstractFileSystem, target: str) -> dict[str, str] | None:
    """Return the location of each track in the set of shards at `target`; None if the set is
    incomplete."""
    try:
        index = json.loads(files.cat_file(f"{target}/{INDEX}"))
    except (FileNotFoundError, ValueError):  # missing, or only partly written
        return None
    sizes = {e["name"].rpartition("/")[2]: e["size"] for e in files.ls(target, detail=True)}
    complete = all(sizes.get(name) == size for name, size in index["shards"].items())
    return index["tracks"] if complete else None


def _key(row: Row) -> str:
    return f"{row['video_id']}/{store.track_name(row['track'])}"


def _shuffled(table: pd.DataFrame) -> list[Row]:
    """Return the rows in a shuffled order that depends only on their video_id and track."""
    rows = table.to_dict("records")
    return sorted(rows, key=lambda row: hashlib.sha256(os.fsencode(_key(row))).digest())


def _sample(row: Row, folder: Path) -> Row:
    """Return the content of a track's JSON file in a shard: everything except the crops."""
    record = store.load((folder / row["crops"]).parent)
    track = record["tracks"][row["track"]]
    return {k: row[k] for k in TRACK_COLUMNS} | {k: track[k] for k in CROP_LISTS}


def _digest(tracks: list[Row], folder: Path) -> str:
    """Return the name of a set of shards: a hash of all its samples, including their pixels."""
    digest = hashlib.sha256()
    for row in tracks:
        digest.update(json.dumps(_sample(row, folder)).encode())
    return digest.hexdigest()[:DIGITS]


def _write(
    tracks: list[Row], folder: Path, files: fsspec.AbstractFileSystem, target: str
) -> dict[str, str]:
    """Write the shards of every split, then their index. Return the location of each track by its
    `_key`."""
    # If the process is killed, no index may remain beside partly rewritten shards.
    if files.exists(f"{target}/{INDEX}"):
        files.rm_file(f"{target}/{INDEX}")
    locations: dict[str, str] = {}
    sizes: dict[str, int] = {}
    with tqdm(total=len(tracks), desc="shards", unit="track") as bar:
        for split in sorted({row["split"] for row in tracks}):
            queue = deque(row for row in tracks if row["split"] == split)
            for number in count():
                if not queue:
                    break
                name = f"{split}-{number:06d}.tar"
                with _uploaded(files, f"{target}/{name}", folder) as partial:
                    with tarfile.open(partial, "w") as tar:
                        while queue and tar.offset < SHARD_BYTES:
                            row, start = queue.popleft(), tar.offset
                            _add(tar, row, folder)
                            location = crop_files.Location(name, start, tar.offset - start)
                            locations[_key(row)] = str(location)
                            bar.update()
                    sizes[name] = partial.stat().st_size
    index = json.dumps({"shards": sizes, "tracks": locations}, indent=0, sort_keys=True)
    files.pipe_file(f"{target}/{INDEX}", f"{index}\n".encode())
    return locations


def _add(tar: tarfile.TarFile, row: Row, folder: Path) -> None:
    sample = _sample(row, folder)
    jpegs = crop_files.read(folder, row["crops"], row["frames"])
    for index, jpeg in zip(sample["frames"], jpegs, strict=True):
        crop_files.add_member(tar, f"{_key(row)}.{store.crop_name(index)}", jpeg)
    crop_files.add_member(tar, f"{_key(row)}.json", json.dumps(sample).encode())


@contextmanager
def _uploaded(files: fsspec.AbstractFileSystem, target: str, folder: Path) -> Iterator[Path]:
    """Yield the path of a temporary file in `folder` to write to; upload the file to `target` when
    the block ends."""
    partial = folder / f"{PARTIAL}{uuid.uuid4().hex}"
    try:
        yield partial
        files.put_file(str(partial), target)
    finally:
        partial.unlink(missing_ok=True)
