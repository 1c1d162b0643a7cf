"""The flags of score.py."""

import argparse
import math
from pathlib import Path

from flags.shared import add_device, add_engine, add_precision, add_prior, new_parser
from flags.types import at_least, between


def score_parser() -> argparse.ArgumentParser:
    parser = new_parser(
        "Judge video files: real, fake or uncertain. Exit code 0: every file was judged; 1: some "
        "could\nnot be judged; 2: nothing was done, and one line says why.",
        "python score.py clip.mp4 folder/ --checkpoint checkpoints/RUN/best.pt",
        "PATH ...",
    )
    parser.add_argument(
        "paths",
        nargs="*",
        metavar="PATH",
        help="file, folder or glob pattern; -: read file names from standard input",
    )
    parser.add_argument(
        "--checkpoint", type=Path, required=True, metavar="FILE", help="checkpoint to judge by"
    )
    _add_results(parser.add_argument_group("results"))
    _add_windows(parser.add_argument_group("long videos"))
    _add_computation(parser.add_argument_group("computation"))
    return parser


def parse_score_flags() -> argparse.Namespace:
    """Parse the command line of score.py: either PATHs or --export, never both."""
    parser = score_parser()
    flags = parser.parse_args()
    if flags.export and flags.paths:
        parser.error("--export takes no PATH")
    if not flags.export and not flags.paths:
        parser.error("the following arguments are required: PATH")
    return flags


def _add_results(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--output",
        type=Path,
        default=Path("."),
        metavar="DIR",
        help="folder to write the results to: scores.csv and scores.json",
    )
    group.add_argument(
        "--json",
        action="store_true",
        help="print one line of JSON per video instead of the table",
    )
    group.add_argument(
        "--report", type=Path, metavar="DIR", help="write an HTML page with heat maps per video"
    )
    group.add_argument(
        "--save_video",
        type=Path,
        metavar="DIR",
        help="write a copy of each video with boxes and scores drawn around the faces",
    )
    group.add_argument(
        "--watch",
        action="store_true",
        help="keep running and judge every new file in the folders once; scores.sqlite in "
        "--output remembers what was judged",
    )


def _add_windows(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--window_seconds",
        type=between(1, 86_400),
        default=60.0,
        metavar="SECONDS",
        help="judge a longer video in windows of equal length, each at most this long",
    )
    group.add_argument(
        "--max_seconds",
        type=between(1, 86_400),
        default=math.inf,
        metavar="SECONDS",
        help="judge only the beginning of a video, up to this time (default: the whole video)",
    )


def _add_computation(group: argparse._ArgumentGroup) -> None:
    add_prior(group)
    group.add_argument(
        "--batch_size", type=at_least(1), default=4, help="clips per forward pass of the model"
    )
    add_device(group, "auto", "the model")
    add_precision(group, "float32")
    deployment = group.add_mutually_exclusive_group()
    deployment.add_argument(
        "--backend",
        choices=["torch", "onnx"],
        default="torch",
        help="library that runs the model; onnx: --checkpoint is a file written by --export, and "
        "pages have no heat maps",
    )
    deployment.add_argument(
        "--export",
        type=Path,
        metavar="ZIP",
        help="write the checkpoint as one file for --backend onnx and exit; takes no PATH",
    )
    add_engine(group, "all paths")
