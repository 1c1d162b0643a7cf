"""Extracts face crops from a folder of videos and writes the manifest videos_df.csv.

    python preprocess_dfdc.py --input /data/dfdc

After an interruption, the same command continues with the videos that are not extracted yet.
"""

import args

if __name__ == "__main__":
    args.preprocess_parser().parse_args()  # before slow imports, so that --help answers at once


import argparse
import os
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import pandas as pd

from common import cores, devices, errors
from common.errors import UsageError, printable
from common.files import file_size, write_text
from common.lock import one_shard, only_writer
from common.preprocessing import FaceConfig
from common.spreadsheets import quote_table
from datasets import cleaning, manifest, split_table
from extraction import data_report, deletion, margins, planning, pool, ray_pool, shards
from extraction.contact_sheet import write_contact_sheet
from extraction.extract import Engine, Folders, extract
from extraction.planning import InputOptions, SplitOptions
from extraction.rows import manifest_rows
from extraction.settings import check_crop_settings, manifest_record


def main() -> int:
    flags = args.preprocess_parser().parse_args()
    check_flags(flags)
    faces = face_config(flags)
    # Absolute, because other machines have other working directories.
    folders = Folders(flags.input.absolute(), flags.output.absolute())
    options = args.build_options(SplitOptions, flags)
    data = args.build_options(InputOptions, flags)
    deleted = deletion.read(flags.output)
    videos = planning.plan(data, options, deleted)
    engine, workers = choose_engine(flags, faces)
    flags.output.mkdir(parents=True, exist_ok=True)
    lock = one_shard(flags.output, *flags.shard) if flags.shard else only_writer(flags.output)
    with lock:
        if not deletion.read(flags.output).equals(deleted):
            raise UsageError("another process has just deleted videos: repeat the command")
        check_crop_settings(flags.output / "crops", faces)
        if not flags.shard:
            folders.sweep(videos)
        share = planning.shard(videos, *flags.shard) if flags.shard else videos
        tar = flags.store == "shards"
        interrupted = extract_share(share, folders, engine, workers, tar=tar)
        if not flags.shard:
            finish(videos, folders, flags, faces, pack=tar and not interrupted)
    if flags.shard and not interrupted:
        print(
            "subset done; when all subsets are done, run the same command without --shard to write "
            "the manifest"
        )
    if interrupted:
        print("interrupted: repeat the same command to extract the remaining videos")
    return 130 if interrupted else 0


def check_flags(flags: argparse.Namespace) -> None:
    """Raise UsageError if flags contradict each other or need a package that is not installed, and
    DataError if --shards_url cannot be written to."""
    if flags.delete_videos_when_done and flags.layout != "dfdc":
        raise UsageError(
            "--delete_videos_when_done needs --layout dfdc, whose metadata.json still lists "
            "deleted videos"
        )
    output, root = (Path(os.path.realpath(path)) for path in (flags.output, flags.input))
    if flags.layout == "folders" and output.is_relative_to(root):
        raise UsageError(
            "--output lies in --input, where its crops would be read as videos: choose another one"
        )
    if flags.shard and (flags.clean or flags.drop_dirty or flags.delete_videos_when_done):
        raise UsageError(
            "--shard only extracts: use --clean, --drop_dirty and --delete_videos_when_done in "
            "the last call, without --shard"
        )
    if flags.shards_url and flags.store != "shards":
        raise UsageError("--shards_url needs --store shards")
    if flags.shards_url:
        shards.check_writable(flags.shards_url)
    if flags.engine == "ray" and flags.workers:
        raise UsageError("--workers needs --engine local: Ray uses all cores of its cluster")
    if flags.device != "cpu" and flags.faces != "detect":
        raise UsageError("--device needs --faces detect: no frames are searched otherwise")
    if flags.engine == "ray" and flags.device != "cpu":
        raise UsageError("--device needs --engine local: Ray detects faces on the CPU")
    if flags.clean or flags.drop_dirty:
        cleaning.check_installed()


def face_config(flags: argparse.Namespace) -> FaceConfig:
    """Return the crop settings. Raise UsageError if --margin is given although nothing is cut."""
    detect = flags.faces == "detect"
    if flags.margin is not None and not detect:
        raise UsageError(f"--margin needs --faces detect: --faces {flags.faces} cuts no picture")
    margin = flags.margin if flags.margin is not None else FaceConfig.margin
    return FaceConfig(
        frames_per_video=flags.frames_per_video,
        sampling=flags.sampling,
        decoder=flags.decoder,
        mode=flags.faces,
        margin=margin if detect else 0.0,  # replaced in the manifest by the measured one
        face_size=flags.face_size,
        jpeg_quality=flags.jpeg_quality,
    )


def choose_engine(flags: argparse.Namespace, faces: FaceConfig) -> tuple[Engine, int | None]:
    """Return the engine that runs the extraction jobs, and its number of worker processes; None
    with Ray, where it is unknown."""
    if flags.engine == "ray":
        address = flags.ray_address
        return partial(ray_pool.run, config=faces, timeout=flags.timeout, address=address), None
    workers = flags.workers or cores.usable()
    device = devices.choose(flags.device)
    engine = partial(
        pool.run,
        config=faces,
        workers=workers,
        timeout=flags.timeout,
        device=None if device.type == "cpu" else device,
    )
    return engine, workers


def extract_share(
    videos: pd.DataFrame, folders: Folders, engine: Engine, workers: int | None, tar: bool
) -> bool:
    """Extract the `videos` whose crops are not on disk yet, and print the time per video. Return
    True if Ctrl-C interrupted the extraction. `tar`: store each track as a tar file."""
    started = time.monotonic()
    try:
        count = extract(videos, folders, engine, workers, tar=tar)
    except KeyboardInterrupt:
        return True
    if count:
        seconds = (time.monotonic() - started) / count
        print(f"{seconds:.2f} s per video ({count} extracted now)")
    return False


def finish(
    videos: pd.DataFrame,
    folders: Folders,
    flags: argparse.Namespace,
    faces: FaceConfig,
    pack: bool,
) -> None:
    """Write the manifest with its JSON record and thumbnails and, if the flags ask for it, list
    dirty videos and delete extracted ones. `pack`: pack the crops into shards."""
    table = manifest_rows(videos, folders)
    findings = None
    if flags.clean or flags.drop_dirty:
        table, findings = clean(table, flags)
    if faces.mode == "cropped":
        faces = replace(faces, margin=margins.measure(table, flags.output))
    path = flags.output / "videos_df.csv"
    record = manifest_record(
        faces,
        args.build_options(SplitOptions, flags),
        root=flags.input,
        layout=flags.layout,
        shards_url=flags.shards_url,
        device=flags.device,
    )
    manifest.write_record(path, record)
    table = manifest.write(path, table)
    sheet = write_contact_sheet(table, flags.output)
    print_summary(table)
    report = data_report.write(table, flags.output, findings)
    print(f"manifest: {path}\nthumbnails: {sheet or 'none, no face was found'}\nreport: {report}")
    if pack:  # afterwards, so that the manifest is valid even if packing fails
        manifest.write(path, shards.pack(table, flags.output, flags.shards_url))
    if flags.delete_videos_when_done:
        delete_videos(table, flags)
    print_remarks(table, faces)


def clean(table: pd.DataFrame, flags: argparse.Namespace) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Write cleaning.csv, and return `table` and what was found; with --drop_dirty, the videos
    listed there have the status `skipped` in the table."""
    findings = cleaning.find(table, flags.input, flags.output)
    path = flags.output / "cleaning.csv"
    write_text(
        path, quote_table(findings[cleaning.COLUMNS]).to_csv(index=False, lineterminator="\n")
    )
    counts = findings["reason"].value_counts().sort_index()
    listed = ", ".join(f"{count} {reason}" for reason, count in counts.items()) or "nothing"
    print(f"cleaning: {listed} → {path}")
    return (cleaning.without(table, findings) if flags.drop_dirty else table), findings


def delete_videos(table: pd.DataFrame, flags: argparse.Namespace) -> None:
    """Ask for confirmation on stdin, then delete the videos of `table` that are extracted."""
    videos = deletion.find(table, flags.input)
    if videos.empty:
        print("no video to delete")
        return
    size = sum(file_size(flags.input / path) for path in videos["path"])
    question = f"delete {len(videos)} videos ({size / 1e9:.1f} GB) in {flags.input}? Type yes: "
    print(question, end="", flush=True)
    if sys.stdin.readline().strip() != "yes":
        print("nothing was deleted")
        return
    deletion.delete(videos, flags.input, flags.output)
    print(f"deleted; {flags.output / 'deleted.csv'} lists them")


def print_summary(table: pd.DataFrame) -> None:
    """Print the number of videos by label or class, split and status, and the first ten unreadable
    ones."""
    videos = table.drop_duplicates("video_id")
    labels = manifest.shown_labels(videos)
    print(f"\n{pd.crosstab([labels, videos['split']], videos['status'])}\n")
    for row in videos[videos["status"] == "unreadable"].head(10).itertuples():
        print(printable(f"unreadable: {row.video_id}: {row.detail}"), file=sys.stderr)


def print_remarks(table: pd.DataFrame, faces: FaceConfig) -> None:
    """Print warnings about names of videos and about pictures that seem to be face crops, and how
    many listed videos are not on disk."""
    for warning in [*split_table.related_names(table), *margins.warnings(table, faces)]:
        print(f"warning: {warning}", file=sys.stderr)
    videos = table.drop_duplicates("video_id")
    missing = (videos["status"] == "missing").sum()
    if missing:
        print(f"missing: {missing} of {len(videos)} listed videos are not on disk")


if __name__ == "__main__":
    errors.run(main)
