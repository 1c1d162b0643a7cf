"""The flags of evaluate.py."""

import argparse
from pathlib import Path

from flags.shared import add_device, add_loader_workers, add_precision, add_prior, new_parser
from flags.types import at_least, between


def evaluate_parser() -> argparse.ArgumentParser:
    parser = new_parser(
        "Measure checkpoints on a split of one or several manifests: metrics with confidence "
        "intervals,\nplots and a report.",
        "python evaluate.py --checkpoint checkpoints/RUN/best.pt",
    )
    parser.add_argument(
        "--checkpoint",
        type=Path,
        nargs="+",
        metavar="NAME|FILE",
        help="one or several detectors: names that python -m detectors lists, or checkpoint files "
        "(default: the default one of that list)",
    )
    parser.add_argument(
        "--csv_file",
        nargs="+",
        default=["videos_df"],
        metavar="MANIFEST",
        help="one or several manifests written by preprocess_dfdc.py, with or without .csv; also "
        "looked for in data/",
    )
    parser.add_argument(
        "--task",
        choices=["detector", "content"],
        default="detector",
        help="content: measure a content classifier: accuracy and F1 of every class",
    )
    parser.add_argument(
        "--split", choices=["train", "val", "test"], default="test", help="split to measure on"
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        help="folder to write the results to (default: evaluation_SPLIT in the folder of the first "
        "checkpoint; for a detector that ships, in checkpoints/NAME)",
    )
    _add_analyses(parser.add_argument_group("further analyses"))
    _add_decision_rule(
        parser.add_argument_group(
            "decision rule",
            "The decision rule turns the scores of a video's clips into p_fake and a verdict. "
            "Without these flags,\nthe rule stored in each checkpoint is used, and the checkpoint "
            "stays unchanged. With any of them, a new\nrule is fitted on the validation splits of "
            "all --csv_file, each with the same weight, stored in each\ncheckpoint, and used.",
        )
    )
    group = parser.add_argument_group("computation")
    add_prior(group)
    group.add_argument(
        "--batch_size", type=at_least(1), default=16, help="number of clips per forward pass"
    )
    group.add_argument(
        "--seed", type=at_least(0), default=0, help="random seed of the bootstrap intervals"
    )
    add_loader_workers(group)
    add_device(group, "auto", "the model")
    add_precision(group, "float32")
    return parser


def _add_analyses(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--compare",
        action="store_true",
        help="compare the first checkpoint with each of the others on the same videos: differences "
        "of metrics, with confidence intervals",
    )
    group.add_argument(
        "--robustness",
        action="store_true",
        help="also measure after each of 7 perturbations, such as JPEG compression and blur, at 5 "
        "severity levels (35 more passes over the split)",
    )
    group.add_argument(
        "--per_frame",
        action="store_true",
        help="also measure single frames, each as if it were a video, and write frames.csv",
    )
    group.add_argument(
        "--group_by",
        nargs="+",
        default=[],
        metavar="COLUMN",
        help="further columns of the manifest to group the videos by. Metrics are computed for "
        "every group of each column separately. Always included: method, kind if it is known, "
        "codec, short_side, face_px, people, brightness, bits_per_pixel and crop_bytes",
    )


def _add_decision_rule(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--aggregation",
        choices=["max_face", "mean", "confident_mean"],
        help="how the scores of a video's clips are combined. mean: mean over all clips of all "
        "people; max_face: mean over the clips of each person, then maximum over people; "
        "confident_mean: like max_face, but over a person's confident clips only (scores above "
        "0.8, or below 0.2), if there are enough of them. If omitted, a new rule uses max_face or "
        "confident_mean, whichever has the lower loss on validation videos",
    )
    rate = group.add_mutually_exclusive_group()
    rate.add_argument(
        "--error_rate",
        type=between(1e-6, 0.5),
        metavar="SHARE",
        help="fit thresholds, so that at most this share of real videos gets the verdict fake, and "
        "at most this share of fakes the verdict real; scores in between are uncertain. If both "
        "--error_rate and --target_fpr are omitted, a new rule uses an --error_rate of 0.1",
    )
    rate.add_argument(
        "--target_fpr",
        type=between(1e-6, 0.5),
        metavar="SHARE",
        help="fit one threshold, so that at most this share of real videos gets the verdict fake; "
        "below a p_fake of 0.5 a video is real, in between uncertain; cannot be combined with "
        "--error_rate",
    )
