"""Writes report.html, the page of an evaluation."""

from pathlib import Path
from typing import Any

from common.pages import render
from datasets.manifest import STATUSES
from scoring.decision_rule import VERDICTS

TEMPLATE = Path(__file__).with_name("report.html")
METRIC_TEXTS = {  # metric → its title and its explanation on the page
    "auc": ("AUC", "probability that a random fake has a higher p_fake than a random real"),
    "average_precision": ("average precision", "area under the precision-recall curve"),
    "eer": (
        "equal error rate",
        "error rate at the threshold where it is the same for reals and fakes",
    ),
    "tpr_at_1_fpr": (
        "fakes found at 1 % false alarms",
        "if there are few reals, the interval is too narrow",
    ),
    "tpr_at_0.1_fpr": ("fakes found at 0.1 % false alarms", "needs at least 1,000 reals"),
    "weighted_precision_at_0.1": (
        "weighted precision at recall 0.1",
        "precision when 10 % of the fakes are found, if reals were 100 times as frequent as fakes "
        "(DFDC paper)",
    ),
    "weighted_precision_at_0.5": (
        "weighted precision at recall 0.5",
        "the same when 50 % of the fakes are found",
    ),
    "weighted_precision_at_0.9": (
        "weighted precision at recall 0.9",
        "the same when 90 % of the fakes are found",
    ),
    "log_loss": (
        "log loss",
        "the metric of the DFDC; lower is better, and a constant p_fake of 0.5 gives 0.693",
    ),
    "balanced_log_loss": (
        "balanced log loss",
        "log loss with the classes weighted to the expected share of fakes",
    ),
    "brier": (
        "Brier score",
        "mean squared error of p_fake, with the same weights; lower is better",
    ),
    "ece": (
        "calibration error",
        "mean difference between p_fake and the share of fakes among videos with a similar p_fake, "
        "with the same weights",
    ),
    "accuracy": ("accuracy", "share of correct decisions, with a single threshold"),
    "precision_real": ("precision of real", "share of reals among the videos called real"),
    "recall_real": ("recall of real", "share of reals called real"),
    "f1_real": ("F1 of real", "harmonic mean of precision and recall of real"),
    "precision_fake": ("precision of fake", "share of fakes among the videos called fake"),
    "recall_fake": ("recall of fake", "share of fakes called fake"),
    "f1_fake": ("F1 of fake", "harmonic mean of precision and recall of fake"),
    "reals_with_verdict_fake": ("reals with the verdict fake", "share of the reals with a face"),
    "fakes_with_verdict_real": ("fakes with the verdict real", "share of the fakes with a face"),
    "uncertain": ("videos with the verdict uncertain", "share of the videos with a face"),
}

FRAME_METRICS = ("auc", "average_precision", "eer", "log_loss", "balanced_log_loss", "accuracy")


def write(path: Path, results: dict[str, Any], plots: list[dict[str, bytes]]) -> None:
    """Write the page to `path`. `results` is the content of metrics.json; `plots` has one dict per
    evaluation, in the same order: plot name → PNG bytes."""
    used = set()
    for evaluation in results["evaluations"]:
        for counts in evaluation["verdicts"].values():
            used |= counts.keys()
    names = [name for name in dict.fromkeys((*VERDICTS, *STATUSES)) if name in {*VERDICTS, *used}]
    texts = {"shown": METRIC_TEXTS, "of_frames": FRAME_METRICS, "verdict_names": names}
    render(TEMPLATE, path, **results, plots=plots, **texts)
