"""Crops as WebDataset shards: a few large tar files instead of millions of small files.

<url>/<digest>/train-000000.tar, train-000001.tar …, val-000000.tar …
    <video_id>/track_0.0000123.jpg   a sample is a track: its crops by frame,
    <video_id>/track_0.json          its row of the manifest, its boxes, landmarks, confidences
<url>/<digest>/index.json            location of each track, bytes of each shard; written last

Any tool that reads WebDataset can read them, with labels and splits; this project finds a track by
its range of bytes. Tracks are shuffled, so that training can also read shards from start to end.
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
DIGITS = 16  # of a set's name
SHARD_BYTES = 256_000_000  # a shard ends with the track that reaches them
# What a shard stores of a track: columns of the manifest, and lists of the crop store's record.
TRACK_COLUMNS = [
    *("video_id", "label", "source", "group", "split", "method", "track", "width", "height")
]
CROP_LISTS = ["frames", "seconds", "boxes", "landmarks", "confidences", "sha256"]

Row = dict[str, Any]  # of the manifest


def check_writable(url: str) -> None:
    """Raise DataError unless `url` can be written to, before any work starts."""
    crop_files.check_url(url)
    with crop_files.url_errors(url):
        files, root = fsspec.url_to_fs(url)
        files.makedirs(root, exist_ok=True)


def pack(table: pd.DataFrame, folder: Path, url: str | None) -> pd.DataFrame:
    """Write the tracks of `table` as shards; return `table` with `crops` pointing into them.

    `table` has the manifest's columns, and its paths start from `folder`. `url` is where to write,
    anything that fsspec supports; None: shards/ in `folder`. A complete set is not written again.
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
        print(f"other sets of shards lie beside {base}: older ones, or those of other manifests")
    rows = table.to_dict("records")
    return table.assign(
        crops=[f"{base}/{locations[_key(r)]}" if r["status"] == "ok" else "" for r in rows]
    )


def _read_index(files: fsspec.AbstractFileSystem, target: str) -> dict[str, str] | None:
    """Return the location of each track of a set of shards; None if the set is incomplete."""
    try:
        index = json.loads(files.cat_file(f"{target}/{INDEX}"))
    except (FileNotFoundError, ValueError):  # not written, or not to its end
        return None
    sizes = {e["name"].rpartition("/")[2]: e["size"] for e in files.ls(target, detail=True)}
    complete = all(sizes.get(name) == size for name, size in index["shards"].items())
    return index["tracks"] if complete else None


def _key(row: Row) -> str:
    return f"{row['video_id']}/{store.track_name(row['track'])}"


def _shuffled(table: pd.DataFrame) -> list[Row]:
    """Return the rows in an order that depends only on their names."""
    rows = table.to_dict("records")
    return sorted(rows, key=lambda row: hashlib.sha256(os.fsencode(_key(row))).digest())


def _sample(row: Row, folder: Path) -> Row:
    """Return what a shard stores of a track beside its crops."""
    record = store.load((folder / row["crops"]).parent)
    track = record["tracks"][row["track"]]
    return {k: row[k] for k in TRACK_COLUMNS} | {k: track[k] for k in CROP_LISTS}


def _digest(tracks: list[Row], folder: Path) -> str:
    """Return a set's name: a hash of everything in it, pixels included."""
    digest = hashlib.sha256()
    for row in tracks:
        digest.update(json.dumps(_sample(row, folder)).encode())
    return digest.hexdigest()[:DIGITS]


def _write(
    tracks: list[Row], folder: Path, files: fsspec.AbstractFileSystem, target: str
) -> dict[str, str]:
    """Write the shards of every split; return the location of each track."""
    # A kill must not leave an index beside half-rewritten shards.
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
    """Yield a file in `folder` to write to; upload it to `target` when the block ends."""
    partial = folder / f"{PARTIAL}{uuid.uuid4().hex}"
    try:
        yield partial
        files.put_file(str(partial), target)
    finally:
        partial.unlink(missing_ok=True)
