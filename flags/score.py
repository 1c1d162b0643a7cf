"""The flags of score.py."""

import argparse
import math
from pathlib import Path

from common.preprocessing import MODES
from flags.shared import add_device, add_engine, add_precision, add_prior, new_parser
from flags.types import at_least, between


def score_parser() -> argparse.ArgumentParser:
    parser = new_parser(
        "Judge video files: real, fake or uncertain. Exit code 0: every file was judged, also if "
        "the\nverdict is uncertain; 1: some files could not be judged; 2: an error, described in "
        "one line;\n130: ended by Ctrl-C;\n143: by SIGTERM (with --watch, both: 0).",
        "python score.py clip.mp4",
        "PATH ...",
    )
    parser.add_argument(
        "paths",
        nargs="*",
        metavar="PATH",
        help="video file, folder or glob pattern; -: read file names from stdin",
    )
    parser.add_argument(
        "--checkpoint",
        type=Path,
        metavar="NAME|FILE",
        help="detector: a name that python -m detectors lists, or a checkpoint file (default: the "
        "default one of that list)",
    )
    parser.add_argument(
        "--faces",
        choices=MODES,
        help="detect: find the faces in every frame; cropped: every picture or frame is the crop "
        "of a face already; whole: judge whole pictures or frames (default: whole for a detector "
        "that was trained on whole pictures, and only for such; else detect)",
    )
    parser.add_argument(
        "--content_checkpoint",
        type=Path,
        metavar="FILE",
        help="content classifier (train.py --task content) that looks first: a file that it does "
        "not take for a human face gets the verdict no_face, and the detector does not judge it. "
        "One of its classes must be called face, faces, human, humans, human_face, human_faces, "
        "person or people",
    )
    _add_results(parser.add_argument_group("results"))
    _add_windows(parser.add_argument_group("long videos"))
    _add_computation(parser.add_argument_group("computation"))
    return parser


def parse_score_flags() -> argparse.Namespace:
    """Return the flags of score.py. Exit with an error unless the command line has either PATHs or
    --export."""
    parser = score_parser()
    flags = parser.parse_args()
    if flags.export and flags.paths:
        parser.error("--export takes no PATH")
    if flags.int8 and not flags.export:
        parser.error("--int8 needs --export")
    if not flags.export and not flags.paths:
        parser.error("the following arguments are required: PATH")
    return flags


def _add_results(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--output",
        type=Path,
        default=Path("."),
        metavar="DIR",
        help="folder to write scores.csv and scores.json to",
    )
    group.add_argument(
        "--json",
        action="store_true",
        help="print one line of JSON per video instead of a table",
    )
    group.add_argument(
        "--report",
        type=Path,
        metavar="DIR",
        help="write one HTML page per video, with heat maps, to this folder",
    )
    group.add_argument(
        "--save_video",
        type=Path,
        metavar="DIR",
        help="for each video with a face, write a copy to this folder with face boxes and p_fake "
        "drawn on its frames",
    )
    group.add_argument(
        "--watch",
        action="store_true",
        help="keep running, and judge every video in the folders PATH once, including videos added "
        "later; scores.sqlite in --output stores which videos were judged",
    )


def _add_windows(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--window_seconds",
        type=between(1, 86_400),
        default=60.0,
        metavar="SECONDS",
        help="split each video that is longer than SECONDS into windows of equal length, at most "
        "SECONDS each, and sample frames from every window; the video still gets a single verdict",
    )
    group.add_argument(
        "--max_seconds",
        type=between(1, 86_400),
        default=math.inf,
        metavar="SECONDS",
        help="judge only the first SECONDS of each video (default: the whole video)",
    )


def _add_computation(group: argparse._ArgumentGroup) -> None:
    add_prior(group)
    group.add_argument(
        "--batch_size", type=at_least(1), default=4, help="number of clips per forward pass"
    )
    group.add_argument(
        "--timeout",
        type=between(1, 1e6),
        default=120,
        metavar="SECONDS",
        help="time limit for reading a window of a video and finding its faces; a video that "
        "exceeds it gets the verdict timeout",
    )
    add_device(group, "auto", "the model")
    add_precision(group, "float32")
    deployment = group.add_mutually_exclusive_group()
    deployment.add_argument(
        "--backend",
        choices=["torch", "onnx"],
        default="torch",
        help="library that runs the model. torch: PyTorch; onnx: ONNX Runtime on the CPU; "
        "--checkpoint must then be a file written by --export, and the pages of --report have no "
        "heat maps",
    )
    deployment.add_argument(
        "--export",
        type=Path,
        metavar="ZIP",
        help="export the checkpoint to one .zip file for --backend onnx, and exit; takes no PATH",
    )
    group.add_argument(
        "--int8",
        metavar="MANIFEST",
        help="with --export: let the encoder compute in 8-bit integers, with ranges from the "
        "training crops of this manifest, on whose validation crops the change is measured",
    )
    add_engine(group, "the videos, --checkpoint, --report and --save_video")
