"""The flags of preprocess_dfdc.py."""

import argparse
from pathlib import Path

from common.preprocessing import DECODERS, SAMPLINGS, FaceConfig
from flags.shared import add_device, add_engine, new_parser
from flags.types import at_least, between, share, str2bool, url

FACES = FaceConfig()


def preprocess_parser() -> argparse.ArgumentParser:
    parser = new_parser(
        "Extract face crops from a folder of videos and write the manifest videos_df.csv. A second "
        "call\ncontinues where the first one stopped.",
        "python preprocess_dfdc.py --input /data/dfdc",
    )
    _add_files(parser.add_argument_group("files"))
    _add_splits(parser.add_argument_group("splits and balance"))
    _add_faces(parser.add_argument_group("frames and faces"))
    _add_cleaning(parser.add_argument_group("data cleaning"))
    _add_machine(parser.add_argument_group("machine"))
    return parser


def _add_files(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--input", type=Path, required=True, help="folder that holds the dataset")
    group.add_argument(
        "--layout",
        default="dfdc",
        help="how the dataset lies in --input: dfdc, ffpp, celebdf or folders (docs/data.md)",
    )
    group.add_argument(
        "--output", type=Path, default=Path("data"), help="folder to write the results to"
    )
    group.add_argument(
        "--store",
        choices=["files", "shards"],
        default="files",
        help="files: one JPEG file per crop; shards: a few large WebDataset tar files",
    )
    group.add_argument(
        "--shards_url",
        type=url,
        metavar="URL",
        help="where --store shards writes: a folder or a URL such as s3://bucket/folder "
        "(default: shards/ in --output)",
    )


def _add_splits(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--val_share",
        type=between(0, 1),
        default=0.1,
        help="share of the sources in the validation split",
    )
    group.add_argument(
        "--test_share",
        type=between(0, 1),
        default=0.1,
        help="share of the sources in the test split",
    )
    group.add_argument(
        "--split_by",
        choices=["source", "part"],
        default="source",
        help="what is kept in one split: each source, or each part folder of the dataset",
    )
    group.add_argument(
        "--undersample",
        type=str2bool,
        default=True,
        metavar="True|False",
        help="leave out training videos of the more frequent label, drawn at random, until both "
        "labels have the same number; False: keep all, and let train.py balance every epoch",
    )
    group.add_argument("--seed", type=at_least(0), default=0, help="random seed")


def _add_faces(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--frames_per_video",
        type=at_least(1),
        default=FACES.frames_per_video,
        help="number of frames sampled from a video",
    )
    group.add_argument(
        "--sampling",
        choices=SAMPLINGS,
        default=FACES.sampling,
        help="uniform: frames spread evenly over the video; keyframe: runs of consecutive frames "
        "that start at key frames, several times faster",
    )
    group.add_argument(
        "--decoder", choices=DECODERS, default=FACES.decoder, help="library that decodes videos"
    )
    group.add_argument(
        "--face_size",
        type=at_least(16),
        default=FACES.face_size,
        help="side of a crop in pixels",
    )
    group.add_argument(
        "--margin",
        type=between(0, 2),
        default=FACES.margin,
        help="margin added on every side of a face box, as a share of the box's longer side",
    )
    group.add_argument(
        "--jpeg_quality",
        type=at_least(1, 100),
        default=FACES.jpeg_quality,
        help="JPEG quality of the crops",
    )


def _add_cleaning(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--clean",
        action="store_true",
        help="list duplicate videos, contradicting labels, and small or blurred faces in "
        "cleaning.csv",
    )
    group.add_argument(
        "--drop_dirty",
        action="store_true",
        help="as --clean, and mark the listed videos as skipped in the manifest",
    )


def _add_machine(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--workers", type=at_least(1), help="worker processes (default: one per CPU core)"
    )
    add_device(group, "cpu", "the search of whole frames for faces")
    group.add_argument(
        "--shard",
        type=share,
        metavar="K/N",
        help="extract only the K-th of N shares of the videos and write no manifest; when all "
        "shares are done, the same command without --shard writes it",
    )
    add_engine(group, "--input and --output")
    group.add_argument(
        "--delete_videos_when_done",
        action="store_true",
        help="after crops and manifest are written, ask for confirmation and delete the videos "
        "(--layout dfdc only)",
    )
    group.add_argument(
        "--timeout",
        type=between(1, 1e6),
        default=120,
        metavar="SECONDS",
        help="time limit for one video",
    )
