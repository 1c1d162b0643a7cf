"""DFDC folders → face crops + the manifest videos_df.csv.

    python preprocess_dfdc.py --input /data/dfdc

A second run continues where the first stopped.
"""

import argparse
import os
import platform
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

import args
import errors
from datasets import content, layouts, manifest, splits
from errors import UsageError
from faces import pool, store
from faces.contact_sheet import write_contact_sheet
from preprocessing import FaceConfig

VERSIONED = ("torch", "torchvision", "facenet-pytorch", "opencv-python-headless", "decord")


def main() -> int:
    flags = args.preprocess_parser().parse_args()
    faces = FaceConfig(
        frames_per_video=flags.frames_per_video,
        sampling=flags.sampling,
        decoder=flags.decoder,
        margin=flags.margin,
        face_size=flags.face_size,
        jpeg_quality=flags.jpeg_quality,
    )
    videos = plan(flags)
    path = flags.output / "videos_df.csv"
    record(path, flags, faces)
    started = time.monotonic()
    interrupted = False
    try:
        done = extract(videos, flags, faces)
    except KeyboardInterrupt:
        interrupted, done = True, 0
    seconds = time.monotonic() - started
    table = manifest.write(path, rows(videos, flags))
    sheet = write_contact_sheet(table, flags.output)
    report(table)
    if done:
        print(f"{seconds / done:.2f} s per video ({done} extracted now)")
    print(f"manifest: {path}\nthumbnails: {sheet or 'none, no face was found'}")
    if interrupted:
        print("interrupted: the same command continues with what is not extracted yet")
    return 130 if interrupted else 0


def plan(flags: argparse.Namespace) -> pd.DataFrame:
    """The table of videos with their splits; balance marks what it leaves out as skipped."""
    videos = layouts.read(flags.layout, flags.input)
    videos["group"] = splits.merge(videos["group"], belong_together(videos, flags))
    videos = splits.complete(videos, flags.seed, flags.val_share, flags.test_share)
    if flags.balance == "undersample":
        usable = videos[(videos["status"] == "") & (videos["split"] == "train")]
        left_out = splits.undersample(usable, flags.seed)
        videos.loc[left_out[left_out].index, ["status", "detail"]] = [
            "skipped",
            "left out by --balance undersample",
        ]
    return videos


def belong_together(videos: pd.DataFrame, flags: argparse.Namespace) -> list[list[int]]:
    """Positions of videos that must share a split besides their group: the same content, and
    with --split_by part the same part."""
    here = videos["status"] == ""
    position = {flags.input / path: i for i, path in enumerate(videos["path"]) if here.iloc[i]}
    together = [[position[file] for file in files] for files in content.same(position)]
    if flags.split_by == "part":
        parts = videos["video_id"].str.partition("/")[0]
        together += [where.tolist() for where in videos.groupby(parts).indices.values()]
    return together


def record(path: Path, flags: argparse.Namespace, faces: FaceConfig) -> None:
    """Write videos_df.json before the first crop. Raise UsageError when crops made with other
    settings are there already."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if manifest.record_path(path).is_file() and any(path.parent.glob("crops/*/*")):
        before = manifest.read_record(path)["faces"]
        other = {k: v for k, v in faces.to_dict().items() if before.get(k) != v}
        if other:
            changes = ", ".join(f"{k} {before.get(k)} → {v}" for k, v in other.items())
            raise UsageError(
                f"{path.parent / 'crops'} was made with other settings ({changes}): choose "
                "another --output, or delete that folder"
            )
    manifest.write_record(
        path,
        {
            "input": str(flags.input),
            "faces": faces.to_dict(),
            "layout": flags.layout,
            "splits": {
                k: getattr(flags, k) for k in ("seed", "split_by", "val_share", "test_share")
            },
            "balance": flags.balance,
            "versions": {"python": platform.python_version()} | _versions(),
        },
    )


def _versions() -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for name in VERSIONED:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


def crops_folder(output: Path, video_id: str) -> Path:
    return output / "crops" / video_id


def extract(videos: pd.DataFrame, flags: argparse.Namespace, faces: FaceConfig) -> int:
    """Extract what is not on disk yet; return how many videos that was."""
    jobs = [
        pool.Job(flags.input / row.path, crops_folder(flags.output, row.video_id))
        for row in videos[videos["status"] == ""].itertuples()
    ]
    todo = [job for job in jobs if not store.is_done(job.folder, store.size(job.video))]
    print(
        f"{len(videos)} videos listed, {len(jobs)} to extract, {len(jobs) - len(todo)} done before"
    )
    if not todo:
        return 0
    # The first one tells what the others will take: the file of the middle size.
    by_size = sorted(todo, key=lambda job: store.size(job.video))
    typical = by_size[len(todo) // 2]
    todo = [typical, *(job for job in todo if job is not typical)]
    workers = min(flags.workers or os.cpu_count() or 1, len(todo))
    results = pool.run(todo, faces, workers, flags.timeout)
    estimate(todo, next(results), workers)
    bar = tqdm(results, total=len(todo), initial=1, unit="video", mininterval=1)
    for _ in bar:
        pass
    return len(todo)


def estimate(todo: list[pool.Job], seconds: float, workers: int) -> None:
    """Say from the first video, done in `seconds`, what all will take."""
    size = sum(file.stat().st_size for file in todo[0].folder.rglob("*") if file.is_file())
    print(
        f"judging by one video: about {len(todo) * seconds / workers / 60:.1f} min "
        f"with {workers} processes, {len(todo) * size / 1e6:.0f} MB on disk",
        flush=True,
    )


def rows(videos: pd.DataFrame, flags: argparse.Namespace) -> list[dict[str, Any]]:
    """Manifest rows in the order of the table: one per track, one for a video without."""
    result = []
    for video in videos.to_dict("records"):
        row = {**dict.fromkeys(("width", "height", "frames"), 0), "fps": 0.0, "track": -1}
        row |= {"crops": ""} | video
        if video["status"]:
            result.append(row)
            continue
        folder = crops_folder(flags.output, video["video_id"])
        if not store.is_done(folder, store.size(flags.input / video["path"])):
            result.append(row | {"status": "skipped", "detail": "not extracted yet"})
            continue
        found = store.load(folder)
        row |= {key: found[key] for key in ("status", "detail", "width", "height", "fps")}
        if not found["tracks"]:
            result.append(row)
        for number, track in enumerate(found["tracks"]):
            crops = (folder / track["crops"]).relative_to(flags.output).as_posix()
            result.append(row | {"track": number, "crops": crops, "frames": len(track["frames"])})
    return result


def report(table: pd.DataFrame) -> None:
    """Print videos per label, split and status."""
    videos = table.drop_duplicates("video_id")
    labels = videos["label"].map(lambda label: manifest.CLASSES[label])
    print(f"\n{pd.crosstab([labels, videos['split']], videos['status'])}\n")
    for row in videos[videos["status"] == "unreadable"].head(10).itertuples():
        print(f"unreadable: {row.video_id}: {row.detail}", file=sys.stderr)


if __name__ == "__main__":
    errors.run(main)
