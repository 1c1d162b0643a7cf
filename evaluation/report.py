"""The page of an evaluation, report.html."""

from pathlib import Path
from typing import Any

from common.pages import render
from datasets.manifest import STATUSES
from scoring.decision_rule import VERDICTS

TEMPLATE = Path(__file__).with_name("report.html")
METRIC_TEXTS = {  # metric → its title and an explanation
    "auc": ("AUC", "probability that a random fake scores above a random real"),
    "average_precision": ("average precision", "area under the precision-recall curve"),
    "eer": ("equal error rate", "where as many reals are called fake as fakes real"),
    "tpr_at_1_fpr": (
        "fakes found at 1 % false alarms",
        "with few reals the interval is too narrow",
    ),
    "tpr_at_0.1_fpr": ("fakes found at 0.1 % false alarms", "needs 1,000 reals to be measured"),
    "weighted_precision_at_0.1": ("weighted precision at recall 0.1", "a false alarm counts 100"),
    "weighted_precision_at_0.5": ("weighted precision at recall 0.5", "for as many reals as fakes"),
    "weighted_precision_at_0.9": ("weighted precision at recall 0.9", "after the DFDC paper"),
    "log_loss": ("log loss", "the challenge's metric; 0.693 is that of always answering 0.5"),
    "balanced_log_loss": (
        "balanced log loss",
        "classes weighted to the expected share of fakes",
    ),
    "brier": ("Brier score", "mean squared error of p_fake, with the same weights"),
    "ece": ("calibration error", "distance of p_fake from the share of fakes, with these weights"),
    "accuracy": ("accuracy", "with a single threshold and no uncertain band"),
    "precision_real": ("precision of real", "reals among those called real"),
    "recall_real": ("recall of real", "reals called real"),
    "f1_real": ("F1 of real", "harmonic mean of the two"),
    "precision_fake": ("precision of fake", "fakes among those called fake"),
    "recall_fake": ("recall of fake", "fakes called fake"),
    "f1_fake": ("F1 of fake", "harmonic mean of the two"),
    "reals_with_verdict_fake": ("reals with the verdict fake", "of those with a face"),
    "fakes_with_verdict_real": ("fakes with the verdict real", "of those with a face"),
    "uncertain": ("uncertain", "share of videos with a face"),
}

FRAME_METRICS = ("auc", "average_precision", "eer", "log_loss", "balanced_log_loss", "accuracy")


def write(path: Path, results: dict[str, Any], plots: list[dict[str, bytes]]) -> None:
    """Write the report of `results`; `plots` has those of each evaluation, by name."""
    used = set()
    for evaluation in results["evaluations"]:
        for counts in evaluation["verdicts"].values():
            used |= counts.keys()
    names = [name for name in dict.fromkeys((*VERDICTS, *STATUSES)) if name in {*VERDICTS, *used}]
    texts = {"shown": METRIC_TEXTS, "of_frames": FRAME_METRICS, "verdict_names": names}
    render(TEMPLATE, path, **results, plots=plots, **texts)
