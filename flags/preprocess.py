"""Every flag of preprocess_dfdc.py, as args.py has those of train.py."""

import argparse
from pathlib import Path

from common.preprocessing import DECODERS, SAMPLINGS, FaceConfig
from flags.train import add_engine, new_parser
from flags.types import at_least, between, share, str2bool, url

FACES = FaceConfig()


def preprocess_parser() -> argparse.ArgumentParser:
    parser = new_parser("DFDC folders → face crops and the manifest videos_df.csv.")
    files = parser.add_argument_group("files")
    files.add_argument("--input", type=Path, required=True, help="folder that holds the dataset")
    files.add_argument(
        "--layout", default="dfdc", help="of --input: dfdc, ffpp, celebdf, folders (docs/data.md)"
    )
    files.add_argument("--output", type=Path, default=Path("data"), help="manifest and crops")
    files.add_argument(
        "--store",
        choices=["files", "shards"],
        default="files",
        help="shards: crops in a few WebDataset shards instead of a file each",
    )
    files.add_argument(
        "--shards_url",
        type=url,
        metavar="URL",
        help="where shards go: a folder, or a URL such as s3://bucket/folder "
        "(default: shards/ in --output)",
    )

    rows = parser.add_argument_group("splits and balance")
    rows.add_argument("--val_share", type=between(0, 1), default=0.1, help="share of sources")
    rows.add_argument("--test_share", type=between(0, 1), default=0.1, help="share of sources")
    rows.add_argument(
        "--split_by",
        choices=["source", "part"],
        default="source",
        help="part: whole part folders, as the challenge's winners did",
    )
    rows.add_argument("--seed", type=at_least(0), default=0, help="of the split and the balance")
    rows.add_argument(
        "--balance",
        choices=["undersample", "none"],
        default="undersample",
        help="undersample: as many fakes as reals in the training split; none: keep all, "
        "training balances every epoch",
    )

    faces = parser.add_argument_group("faces")
    faces.add_argument("--frames_per_video", type=at_least(1), default=FACES.frames_per_video)
    faces.add_argument(
        "--sampling",
        choices=SAMPLINGS,
        default=FACES.sampling,
        help="consecutive: runs of neighbouring frames; keyframe: runs that start at key frames, "
        "decoding no others",
    )
    faces.add_argument("--decoder", choices=DECODERS, default=FACES.decoder)
    faces.add_argument(
        "--face_size", type=at_least(16), default=FACES.face_size, help="pixels of a crop's side"
    )
    faces.add_argument(
        "--margin",
        type=between(0, 2),
        default=FACES.margin,
        help="share of the face box added on every side",
    )
    faces.add_argument("--jpeg_quality", type=at_least(1, 100), default=FACES.jpeg_quality)
    faces.add_argument(
        "--reuse_boxes",
        type=str2bool,
        default=FACES.reuse_boxes,
        help="look for the faces of a source once, in its real video, and check that they are at "
        "the same places in its fakes",
    )

    clean = parser.add_argument_group("clean data")
    clean.add_argument(
        "--clean",
        action="store_true",
        help="list copies, contradicting labels, and faces that are small or blurred in "
        "cleaning.csv",
    )
    clean.add_argument(
        "--drop_dirty", action="store_true", help="--clean, and leave those videos out"
    )

    machine = parser.add_argument_group("machine")
    machine.add_argument("--workers", type=at_least(1), help="processes (default: one per core)")
    machine.add_argument(
        "--device",
        choices=["cpu", "cuda"],
        default="cpu",
        help="where frames are searched for faces; cuda: of many videos together",
    )
    machine.add_argument(
        "--shard",
        type=share,
        metavar="K/N",
        help="extract the K-th of N shares only; when all are done, the same command without "
        "--shard writes the manifest",
    )
    add_engine(machine, "--input and --output")
    machine.add_argument(
        "--delete_videos_when_done",
        action="store_true",
        help="once crops and manifest are written, ask, and delete the videos (dfdc only)",
    )
    machine.add_argument(
        "--timeout",
        type=between(1, 1e6),
        default=120,
        help="seconds after which a video is given up",
    )
    return parser
