"""The flags of evaluate.py."""

import argparse
from pathlib import Path

from flags.shared import add_device, add_loader_workers, add_precision, add_prior, new_parser
from flags.types import at_least, between


def evaluate_parser() -> argparse.ArgumentParser:
    parser = new_parser(
        "Measure checkpoints on a split of one or several manifests: metrics with intervals, plots "
        "and\na report.",
        "python evaluate.py --checkpoint checkpoints/RUN/best.pt",
    )
    parser.add_argument(
        "--checkpoint",
        type=Path,
        nargs="+",
        required=True,
        metavar="FILE",
        help="one or several checkpoints",
    )
    parser.add_argument(
        "--csv_file",
        nargs="+",
        default=["videos_df"],
        metavar="MANIFEST",
        help="one or several manifests; also looked for with .csv appended, and in data/",
    )
    parser.add_argument(
        "--split", choices=["train", "val", "test"], default="test", help="split to measure on"
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        help="folder to write the results to (default: evaluation_SPLIT beside the first "
        "checkpoint)",
    )
    _add_analyses(parser.add_argument_group("further analyses"))
    _add_decision_rule(
        parser.add_argument_group(
            "decision rule",
            "Each of these fits a new decision rule on the validation split and stores it in the "
            "checkpoint.",
        )
    )
    group = parser.add_argument_group("computation")
    add_prior(group)
    group.add_argument(
        "--batch_size", type=at_least(1), default=16, help="clips per forward pass of the model"
    )
    group.add_argument("--seed", type=at_least(0), default=0, help="random seed of the bootstrap")
    add_loader_workers(group)
    add_device(group, "auto", "the model")
    add_precision(group, "float32")
    return parser


def _add_analyses(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--compare",
        action="store_true",
        help="measure the difference between the first checkpoint and each other one on the same "
        "videos",
    )
    group.add_argument(
        "--robustness",
        action="store_true",
        help="measure again after each of 7 perturbations in 5 severities (35 times the work)",
    )
    group.add_argument(
        "--per_frame",
        action="store_true",
        help="also measure single frames, and write frames.csv",
    )
    group.add_argument(
        "--group_by",
        nargs="+",
        default=[],
        metavar="COLUMN",
        help="also measure each group of these columns: columns of the manifest or traits of the "
        "videos",
    )


def _add_decision_rule(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--aggregation",
        choices=["max_face", "mean", "confident_mean"],
        help="how the scores of a video's clips become one score (default: max_face or "
        "confident_mean, whichever has the lower loss on the validation split)",
    )
    rate = group.add_mutually_exclusive_group()
    rate.add_argument(
        "--error_rate",
        type=between(1e-6, 0.5),
        metavar="SHARE",
        help="two thresholds: at most this share of reals is called fake and at most this share "
        "of fakes is called real; what lies between is uncertain (default: 0.1)",
    )
    rate.add_argument(
        "--target_fpr",
        type=between(1e-6, 0.5),
        metavar="SHARE",
        help="one threshold: at most this share of reals is called fake",
    )
