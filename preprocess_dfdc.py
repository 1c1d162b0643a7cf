"""DFDC folders → face crops + the manifest videos_df.csv.

    python preprocess_dfdc.py --input /data/dfdc

A second run continues where the first stopped.
"""

import args
from common.files import file_size, write_text

if __name__ == "__main__":
    # --help and wrong flags are answered before slow imports
    args.preprocess_parser().parse_args()


import argparse
import json
import os
import platform
import sys
import time
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pandas as pd

from common import devices, errors
from common.errors import DataError, UsageError
from common.preprocessing import FaceConfig
from datasets import cleaning, manifest
from extraction import deletion, planning, pool, ray_pool, shards
from extraction.contact_sheet import write_contact_sheet
from extraction.extract import Engine, Folders, extract, rows

VERSIONED = ("torch", "torchvision", "facenet-pytorch", "av", "opencv-python-headless", "decord")


def main() -> int:
    flags = args.preprocess_parser().parse_args()
    check(flags)
    faces = FaceConfig(
        frames_per_video=flags.frames_per_video,
        sampling=flags.sampling,
        decoder=flags.decoder,
        margin=flags.margin,
        face_size=flags.face_size,
        jpeg_quality=flags.jpeg_quality,
        reuse_boxes=flags.reuse_boxes,
    )
    # Absolute, because other machines have other working directories.
    folders = Folders(flags.input.absolute(), flags.output.absolute())
    videos = planning.plan(
        flags.layout,
        flags.input,
        seed=flags.seed,
        split_by=flags.split_by,
        val_share=flags.val_share,
        test_share=flags.test_share,
        balance=flags.balance,
        deleted=deletion.read(flags.output),
    )
    engine, workers = choose_engine(flags, faces)
    guard(flags.output / "crops", faces)
    mine = planning.shard(videos, *flags.shard) if flags.shard else videos
    if not flags.shard:
        folders.sweep(videos)
    started = time.monotonic()
    interrupted = False
    try:
        done = extract(
            mine,
            folders,
            engine,
            workers,
            reuse_boxes=flags.reuse_boxes,
            tar=flags.store == "shards",
        )
    except KeyboardInterrupt:
        interrupted, done = True, 0
    if done:
        seconds = (time.monotonic() - started) / done
        print(f"{seconds:.2f} s per video ({done} extracted now)")
    if flags.shard and not interrupted:
        print("shard done; after all shards, the same command without --shard writes the manifest")
    if not flags.shard:
        finish(videos, folders, flags, faces, pack=flags.store == "shards" and not interrupted)
    if interrupted:
        print("interrupted: the same command continues with what is not extracted yet")
    return 130 if interrupted else 0


def check(flags: argparse.Namespace) -> None:
    """Raise UsageError for flags that do not go together, before any work."""
    if flags.delete_videos_when_done and flags.layout != "dfdc":
        raise UsageError(
            "--delete_videos_when_done is for --layout dfdc: its metadata.json still lists videos "
            "that are gone"
        )
    if flags.shard and (flags.clean or flags.drop_dirty or flags.delete_videos_when_done):
        raise UsageError(
            "--shard only extracts: give --clean, --drop_dirty and --delete_videos_when_done to "
            "the last call, without --shard"
        )
    if flags.shards_url and flags.store != "shards":
        raise UsageError("--shards_url is for --store shards")
    if flags.shards_url:
        shards.require(flags.shards_url)
    if flags.engine == "ray" and flags.workers:
        raise UsageError("--workers is for --engine local: Ray uses every core of its cluster")
    if flags.engine == "ray" and flags.device != "cpu":
        raise UsageError("--device is for --engine local: with Ray every core searches by itself")
    if flags.clean or flags.drop_dirty:
        cleaning.require()


def choose_engine(flags: argparse.Namespace, faces: FaceConfig) -> tuple[Engine, int | None]:
    """What runs the jobs, and its number of processes where it is known."""
    if flags.engine == "ray":
        place = flags.ray_address
        return partial(ray_pool.run, config=faces, timeout=flags.timeout, address=place), None
    workers = flags.workers or os.cpu_count() or 1
    place = None if flags.device == "cpu" else devices.choose(flags.device)
    engine = partial(pool.run, config=faces, workers=workers, timeout=flags.timeout, device=place)
    return engine, workers


def finish(
    videos: pd.DataFrame,
    folders: Folders,
    flags: argparse.Namespace,
    faces: FaceConfig,
    pack: bool,
) -> None:
    """Write the manifest and what goes with it."""
    table = rows(videos, folders)
    if flags.reuse_boxes:
        saved = table[table["reused"]]
        print(
            f"faces of another video reused in {saved['video_id'].nunique()} of "
            f"{table['video_id'].nunique()} videos: {saved['frames'].sum()} of "
            f"{table['frames'].sum()} faces not looked for, but for two checks a track"
        )
    if flags.clean or flags.drop_dirty:
        table = clean(table, flags)
    path = flags.output / "videos_df.csv"
    manifest.write_record(path, record(flags, faces))
    table = manifest.write(path, table)
    sheet = write_contact_sheet(table, flags.output)
    report(table)
    print(f"manifest: {path}\nthumbnails: {sheet or 'none, no face was found'}")
    if pack:  # the manifest on disk is right before it, too
        manifest.write(path, shards.pack(table, flags.output, flags.shards_url))
    if flags.delete_videos_when_done:
        delete(table, flags)


def delete(table: pd.DataFrame, flags: argparse.Namespace) -> None:
    """Ask, and delete the videos whose crops are in `table`."""
    found = deletion.find(table, flags.input)
    if found.empty:
        print("no video to delete")
        return
    size = sum(file_size(flags.input / path) for path in found["path"])
    print(f"delete {len(found)} videos ({size / 1e9:.1f} GB) in {flags.input}? Type yes: ", end="")
    sys.stdout.flush()
    if sys.stdin.readline().strip() != "yes":
        print("nothing was deleted")
        return
    deletion.delete(found, flags.input, flags.output)
    print(f"deleted; {flags.output / 'deleted.csv'} lists them")


def guard(crops: Path, faces: FaceConfig) -> None:
    """Write down beside the crops how they are made, before the first one. Raise UsageError when
    there are some that were made with other settings."""
    path = crops / "faces.json"
    before: dict[str, Any] = {}
    if path.is_file():
        try:
            before = dict(json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, TypeError) as error:
            raise DataError(f"{path} does not hold settings: {error}") from error
    other = {k: v for k, v in faces.to_dict().items() if before.get(k) != v}
    if before and other and any(crops.glob("*/*")):
        changes = ", ".join(f"{k} {before.get(k)} → {v}" for k, v in other.items())
        raise UsageError(
            f"{crops} was made with other settings ({changes}): choose another --output, or "
            "delete that folder"
        )
    if other:
        crops.mkdir(parents=True, exist_ok=True)
        write_text(path, json.dumps(faces.to_dict(), indent=2) + "\n")


def record(flags: argparse.Namespace, faces: FaceConfig) -> dict[str, Any]:
    """videos_df.json: what made the manifest and its crops."""
    return {
        "input": str(flags.input),
        "faces": faces.to_dict(),
        "layout": flags.layout,
        "shards": flags.shards_url,
        "splits": {k: getattr(flags, k) for k in ("seed", "split_by", "val_share", "test_share")},
        "balance": flags.balance,
        "device": flags.device,
        "versions": {"python": platform.python_version()} | _versions(),
    }


def _versions() -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for name in VERSIONED:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


def clean(table: pd.DataFrame, flags: argparse.Namespace) -> pd.DataFrame:
    """Write cleaning.csv; return `table`, with --drop_dirty without what is listed there."""
    found = cleaning.find(table, flags.input, flags.output)
    path = flags.output / "cleaning.csv"
    write_text(path, found.to_csv(index=False, lineterminator="\n"))
    counts = found["reason"].value_counts().sort_index()
    listed = ", ".join(f"{count} {reason}" for reason, count in counts.items()) or "nothing"
    print(f"cleaning: {listed} → {path}")
    return cleaning.without(table, found) if flags.drop_dirty else table


def report(table: pd.DataFrame) -> None:
    """Print videos per label, split and status."""
    videos = table.drop_duplicates("video_id")
    labels = videos["label"].map(lambda label: manifest.CLASSES[label])
    print(f"\n{pd.crosstab([labels, videos['split']], videos['status'])}\n")
    for row in videos[videos["status"] == "unreadable"].head(10).itertuples():
        print(f"unreadable: {row.video_id}: {row.detail}", file=sys.stderr)


if __name__ == "__main__":
    errors.run(main)
