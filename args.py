"""Every flag of every entry point: grouped, typed, validated. Standard library only.

Booleans are strict text (`--pretrained True`), abbreviations are refused, and --help shows
every default.
"""

import argparse
from pathlib import Path

from preprocessing import DECODERS, SAMPLINGS, ClipConfig, FaceConfig

FACES = FaceConfig()
CLIPS = ClipConfig()


class _Formatter(argparse.ArgumentDefaultsHelpFormatter):
    """Show defaults, but not 'None', which says nothing to a user."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        return action.help if action.default is None else super()._get_help_string(action)


def str2bool(text: str) -> bool:
    """'True' or 'False' in any case; anything else is an error (bool('False') is True)."""
    values = {"true": True, "false": False}
    if text.lower() not in values:
        raise argparse.ArgumentTypeError(f"expected True or False, got {text!r}")
    return values[text.lower()]


def at_least(low: int, high: int | None = None):
    """A type for argparse: an integer that is not below `low` nor above `high`."""

    def integer(text: str) -> int:
        value = int(text)
        if value < low or (high is not None and value > high):
            limit = f"at least {low}" if value < low else f"at most {high}"
            raise argparse.ArgumentTypeError(f"must be {limit}, got {value}")
        return value

    return integer


def between(low: float, high: float):
    """A type for argparse: a finite number in [low, high]."""

    def number(text: str) -> float:
        value = float(text)
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"must be between {low} and {high}, got {text}")
        return value

    return number


def _parser(description: str) -> argparse.ArgumentParser:
    return argparse.ArgumentParser(
        description=description, formatter_class=_Formatter, allow_abbrev=False
    )


def preprocess_parser() -> argparse.ArgumentParser:
    parser = _parser("DFDC folders → face crops and the manifest videos_df.csv.")
    files = parser.add_argument_group("files")
    files.add_argument("--input", type=Path, required=True, help="folder that holds the dataset")
    files.add_argument(
        "--layout", default="dfdc", help="of --input: dfdc, ffpp, celebdf, folders (docs/data.md)"
    )
    files.add_argument("--output", type=Path, default=Path("data"), help="manifest and crops")

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

    machine = parser.add_argument_group("machine")
    machine.add_argument("--workers", type=at_least(1), help="processes (default: one per core)")
    machine.add_argument(
        "--timeout",
        type=between(1, 1e6),
        default=120,
        help="seconds after which a video is given up",
    )
    return parser


def train_parser() -> argparse.ArgumentParser:
    parser = _parser("Manifest → checkpoints/<run>/: a checkpoint, a row and curves every epoch.")
    data = parser.add_argument_group("data")
    data.add_argument("--dataset", default="video", help="what an item is")
    data.add_argument(
        "--csv_file",
        default="videos_df",
        help="manifest; also looked for with .csv added and in data/",
    )
    data.add_argument("--clip_frames", type=at_least(1), default=CLIPS.clip_frames, help="T")
    data.add_argument("--crop_size", type=at_least(32), default=CLIPS.crop_size, help="H = W")
    data.add_argument(
        "--balance",
        choices=["auto", "per_epoch", "oversample", "pairs", "none"],
        default="auto",
        help="per_epoch: all of the rarer label and a fresh share of the other every epoch; "
        "oversample: all of the commoner, the rarer again and again; pairs: a real and a fake of "
        "one source side by side; auto: per_epoch unless the manifest is balanced",
    )

    model = parser.add_argument_group("model")
    model.add_argument("--model_name", default="resnet152", help="frame encoder")
    model.add_argument("--embed_dim", type=at_least(1), default=512, help="D")
    model.add_argument("--dropout", type=between(0, 0.95), default=0.3)
    model.add_argument("--num_classes", type=at_least(2), default=2, help="K; class 1 is FAKE")
    model.add_argument(
        "--pretrained", type=str2bool, default=True, help="start from ImageNet weights"
    )
    model.add_argument(
        "--weights", type=Path, help="a local file of encoder weights, used instead of a download"
    )

    fit = parser.add_argument_group("training")
    fit.add_argument("--epochs", type=at_least(1), default=50)
    fit.add_argument("--batch_size", type=at_least(1), default=16, help="clips per step")
    fit.add_argument("--lr", type=between(1e-8, 10), default=0.001, help="peak learning rate")
    fit.add_argument("--weight_decay", type=between(0, 1), default=0.01)
    fit.add_argument("--seed", type=at_least(0), default=0)

    run = parser.add_argument_group("run")
    run.add_argument("--run_name", help="folder in checkpoints/ (default: model and time)")
    run.add_argument("--checkpoints", type=Path, default=Path("checkpoints"))
    run.add_argument(
        "--keep_checkpoints", type=at_least(0), default=0, help="newest epochs kept; 0 keeps all"
    )
    run.add_argument("--log_interval", type=at_least(1), default=10, help="steps")
    _add_machine(run)
    return parser


def evaluate_parser() -> argparse.ArgumentParser:
    parser = _parser("Checkpoint + manifest → metrics on sources that training never saw.")
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--csv_file", default="videos_df", help="manifest")
    parser.add_argument("--split", choices=["train", "val", "test"], default="test")
    parser.add_argument(
        "--output", type=Path, help="folder (default: evaluation_<split>/ beside the checkpoint)"
    )
    parser.add_argument("--batch_size", type=at_least(1), default=16, help="clips per step")
    parser.add_argument("--seed", type=at_least(0), default=0, help="of the bootstrap")
    _add_machine(parser)
    return parser


def score_parser() -> argparse.ArgumentParser:
    parser = _parser(
        "Video files, folders and globs → a verdict each. Exit code 0: every file got real or "
        "fake; 1: some did not; 2: the call cannot be served."
    )
    parser.add_argument("paths", nargs="+", metavar="PATH", help="file, folder or glob")
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--output", type=Path, default=Path("scores.csv"))
    parser.add_argument("--batch_size", type=at_least(1), default=4, help="clips per step")
    _add_machine(parser, workers=False)
    return parser


def _add_machine(group, workers: bool = True) -> None:
    if workers:
        group.add_argument("--workers", type=at_least(0), default=2, help="loader processes")
    group.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto")
