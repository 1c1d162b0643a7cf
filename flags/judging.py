"""Every flag of evaluate.py and score.py, as args.py has those of train.py."""

import argparse
import math
from pathlib import Path

from flags.train import add_engine, add_machine, new_parser
from flags.types import at_least, between


def evaluate_parser() -> argparse.ArgumentParser:
    parser = new_parser("Checkpoints + manifests → metrics on sources that training never saw.")
    parser.add_argument("--checkpoint", type=Path, nargs="+", required=True)
    parser.add_argument("--csv_file", nargs="+", default=["videos_df"], help="manifests")
    parser.add_argument("--split", choices=["train", "val", "test"], default="test")
    parser.add_argument(
        "--output",
        type=Path,
        help="folder (default: evaluation_<split>/ beside the first checkpoint)",
    )
    parser.add_argument(
        "--compare",
        action="store_true",
        help="the first checkpoint with each other one, on the same videos",
    )
    parser.add_argument(
        "--robustness",
        action="store_true",
        help="judge every video again, 35 times: 7 perturbations in 5 severities",
    )
    parser.add_argument(
        "--per_frame",
        action="store_true",
        help="measure single frames, too, and write frames.csv",
    )
    parser.add_argument(
        "--group_by",
        nargs="+",
        default=[],
        metavar="COLUMN",
        help="of the manifest, besides others",
    )
    _add_prior(parser)
    _add_precision(parser)
    judgement = parser.add_argument_group(
        "judgement", "fitted on validation anew with any of these, and stored in the checkpoint"
    )
    judgement.add_argument(
        "--aggregation",
        choices=["max_face", "mean", "confident_mean"],
        help="of a video's clips and people to its score (default: of the two in which the worst "
        "person decides, the better one on validation)",
    )
    rule = judgement.add_mutually_exclusive_group()
    rule.add_argument(
        "--error_rate",
        type=between(1e-6, 0.5),
        metavar="SHARE",
        help="two thresholds: at most this share of reals gets the verdict fake, of fakes real "
        "(default: 0.1)",
    )
    rule.add_argument(
        "--target_fpr",
        type=between(1e-6, 0.5),
        metavar="SHARE",
        help="one threshold: at most this share of reals gets the verdict fake",
    )
    parser.add_argument("--batch_size", type=at_least(1), default=16, help="clips per step")
    parser.add_argument("--seed", type=at_least(0), default=0, help="of the bootstrap")
    add_machine(parser)
    return parser


def _add_prior(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--prior",
        type=between(1e-6, 1 - 1e-6),
        default=0.5,
        help="share of fakes expected in use: p_fake is for that share; verdicts do not change",
    )


def _add_precision(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--precision",
        choices=["float32", "bfloat16"],
        default="float32",
        help="of the encoder's arithmetic; bfloat16: half the time on a processor that has it, and "
        "p_fake differs a little",
    )


def score_parser() -> argparse.ArgumentParser:
    parser = new_parser(
        "Video files, folders and globs → a verdict each. Exit code 0: every file was judged; "
        "1: some could not be; 2: the call cannot be served."
    )
    parser.add_argument(
        "paths", nargs="*", metavar="PATH", help="file, folder or glob; - reads names from a pipe"
    )
    parser.add_argument("--checkpoint", type=Path, required=True)
    deployment = parser.add_mutually_exclusive_group()
    deployment.add_argument(
        "--export",
        type=Path,
        metavar="ZIP",
        help="write the checkpoint as one file for --backend onnx, and end; takes no PATH",
    )
    deployment.add_argument(
        "--backend",
        choices=["torch", "onnx"],
        default="torch",
        help="onnx: --checkpoint is a file made by --export; no heat maps",
    )
    parser.add_argument(
        "--output", type=Path, default=Path("scores.csv"), help="scores.json goes beside it"
    )
    parser.add_argument(
        "--watch",
        action="store_true",
        help="judge what arrives in folders, each once; what was, is in scores.sqlite",
    )
    parser.add_argument(
        "--report", type=Path, metavar="DIR", help="a page for each video, with heat maps"
    )
    parser.add_argument(
        "--save_video", type=Path, metavar="DIR", help="each video again, with framed faces"
    )
    parser.add_argument(
        "--json", action="store_true", help="print a line of JSON for each video, and nothing else"
    )
    parser.add_argument(
        "--every",
        type=between(1, 86_400),
        default=60.0,
        metavar="SECONDS",
        help="a longer video is judged in equal windows of at most this, each like a video",
    )
    parser.add_argument(
        "--max_seconds",
        type=between(1, 86_400),
        default=math.inf,
        metavar="SECONDS",
        help="leave out what comes after (default: look at all of it)",
    )
    _add_prior(parser)
    _add_precision(parser)
    parser.add_argument("--batch_size", type=at_least(1), default=4, help="clips per step")
    add_engine(parser, "all paths")
    add_machine(parser, workers=False)
    return parser


def score_flags() -> argparse.Namespace:
    """Flags of score.py, which wants videos, or --export and none."""
    parser = score_parser()
    flags = parser.parse_args()
    if flags.export and flags.paths:
        parser.error("--export takes no PATH")
    if not flags.export and not flags.paths:
        parser.error("the following arguments are required: PATH")
    return flags
