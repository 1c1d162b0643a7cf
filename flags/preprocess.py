"""The flags of preprocess_dfdc.py."""

import argparse
from pathlib import Path

from common.preprocessing import DECODERS, MODES, SAMPLINGS, FaceConfig
from flags.shared import add_device, add_engine, new_parser
from flags.types import at_least, between, share, str2bool, url

FACES = FaceConfig()


def preprocess_parser() -> argparse.ArgumentParser:
    parser = new_parser(
        "Extract face crops from a folder of videos and write the manifest videos_df.csv. After\n"
        "an interruption, the same command continues with the videos that are not extracted yet.",
        "python preprocess_dfdc.py --input /data/dfdc",
    )
    _add_files(parser.add_argument_group("files"))
    _add_splits(
        parser.add_argument_group(
            "splits and balance",
            "The source of a fake is the original video that it was made from; a real video is its "
            "own source.\nA source and all fakes made from it are always in the same split. Splits "
            "that a dataset defines\nitself (as folders train, val, test) are used unchanged.",
        )
    )
    _add_faces(parser.add_argument_group("frames and faces"))
    _add_cleaning(parser.add_argument_group("data cleaning"))
    _add_machine(parser.add_argument_group("machine"))
    return parser


def _add_files(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--input", type=Path, required=True, help="folder with the dataset")
    group.add_argument(
        "--layout",
        default="dfdc",
        help="directory layout of the dataset in --input: dfdc, ffpp, celebdf, folders, table, or "
        "classes (a folder for each class of pictures); docs/data.md describes them",
    )
    group.add_argument(
        "--fake_folders",
        nargs="+",
        default=[],
        metavar="NAME",
        help="with --layout folders: names of folders that hold fakes, such as those of methods; "
        "fake, deepfakes and the like are known (listed in docs/data.md)",
    )
    group.add_argument(
        "--allow_one_label",
        action="store_true",
        help="continue if all videos on disk are real, or all are fake",
    )
    group.add_argument(
        "--output", type=Path, default=Path("data"), help="folder to write the results to"
    )
    group.add_argument(
        "--store",
        choices=["files", "shards"],
        default="files",
        help="files: one JPEG file per crop; shards: all crops packed into a few large WebDataset "
        "tar files",
    )
    group.add_argument(
        "--shards_url",
        type=url,
        metavar="URL",
        help="folder, or URL such as s3://bucket/folder, to which --store shards writes the tar "
        "files (default: shards/ in --output)",
    )


def _add_splits(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--val_share",
        type=between(0, 1),
        default=0.1,
        help="approximate share of the sources in the validation split",
    )
    group.add_argument(
        "--test_share",
        type=between(0, 1),
        default=0.1,
        help="approximate share of the sources in the test split; 1, with --val_share 0: all, for "
        "videos that are only measured",
    )
    group.add_argument(
        "--split_by",
        choices=["source", "part"],
        default="source",
        help="unit that is never divided between splits. source: a source with its fakes; part: "
        "all videos in one part of the dataset (a folder directly in --input, such as "
        "dfdc_train_part_0)",
    )
    group.add_argument(
        "--undersample",
        type=str2bool,
        default=True,
        metavar="True|False",
        help="balance the training split: leave out randomly drawn videos of the more frequent "
        "label, until both labels have the same number of videos; False: keep all videos, and let "
        "train.py balance each epoch",
    )
    group.add_argument(
        "--seed", type=at_least(0), default=0, help="random seed of the splits and of --undersample"
    )


def _add_faces(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--faces",
        choices=MODES,
        default=FACES.mode,
        help="detect: find the faces in every frame; cropped: every picture or frame is the crop "
        "of a face already, and the margin around faces is measured; whole: take whole pictures or "
        "frames, also without a face",
    )
    group.add_argument(
        "--frames_per_video",
        type=at_least(1),
        default=FACES.frames_per_video,
        help="number of frames sampled from each video",
    )
    group.add_argument(
        "--sampling",
        choices=SAMPLINGS,
        default=FACES.sampling,
        help="uniform: frames spread evenly over the video; keyframe: runs of consecutive frames, "
        "each starting at a key frame, which is several times faster",
    )
    group.add_argument(
        "--decoder", choices=DECODERS, default=FACES.decoder, help="library that decodes the videos"
    )
    group.add_argument(
        "--face_size",
        type=at_least(16),
        default=FACES.face_size,
        help="width and height of a crop, in pixels",
    )
    group.add_argument(
        "--margin",
        type=between(-0.45, 2),
        help="margin added on every side of a face box, as a share of the box's longer side; less "
        f"than 0 cuts into the box (default: {FACES.margin})",
    )
    group.add_argument(
        "--jpeg_quality",
        type=at_least(1, 100),
        default=FACES.jpeg_quality,
        help="JPEG quality of the crops, from 1 to 100",
    )


def _add_cleaning(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--clean",
        action="store_true",
        help="write a list of duplicate videos, contradictory labels, and small or blurred faces "
        "to cleaning.csv, without any effect on the manifest",
    )
    group.add_argument(
        "--drop_dirty",
        action="store_true",
        help="like --clean, and mark the listed videos as skipped in the manifest",
    )


def _add_machine(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--workers", type=at_least(1), help="number of worker processes (default: one per CPU core)"
    )
    add_device(
        group, "cpu", "the face detector, which searches whole frames; the rest runs on the CPU"
    )
    group.add_argument(
        "--shard",
        type=share,
        metavar="K/N",
        help="divide the videos into N subsets and extract only subset K, counted from 1, for "
        "example on one of N machines. No manifest is written: when all subsets are done, run the "
        "same command without --shard to write it. Not related to --store shards",
    )
    add_engine(group, "--input and --output")
    group.add_argument(
        "--delete_videos_when_done",
        action="store_true",
        help="after the crops and the manifest are written, ask for confirmation and delete the "
        "videos in --input (only with --layout dfdc)",
    )
    group.add_argument(
        "--timeout",
        type=between(1, 1e6),
        default=120,
        metavar="SECONDS",
        help="time limit for each video; a video that exceeds it gets the status timeout",
    )
