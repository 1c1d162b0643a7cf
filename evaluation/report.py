"""The page of an evaluation, report.html."""

from pathlib import Path
from typing import Any

from common.pages import render
from datasets.manifest import STATUSES
from scoring.decision_rule import VERDICTS

TEMPLATE = Path(__file__).with_name("report.html")
SHOWN = {  # of the metrics: name → what it is called and what it says
    "auc": ("AUC", "chance that a random fake scores above a random real"),
    "average_precision": ("average precision", "area under the precision-recall curve"),
    "eer": ("equal error rate", "where as many reals are called fake as fakes real"),
    "tpr_at_1_fpr": (
        "fakes found at 1 % false alarms",
        "with few reals the interval is too narrow",
    ),
    "tpr_at_0.1_fpr": ("fakes found at 0.1 % false alarms", "takes 1,000 reals to be measured"),
    "weighted_precision_at_0.1": ("weighted precision at recall 0.1", "a false alarm counts 100"),
    "weighted_precision_at_0.5": ("weighted precision at recall 0.5", "for as many reals as fakes"),
    "weighted_precision_at_0.9": ("weighted precision at recall 0.9", "after the DFDC paper"),
    "log_loss": ("log loss", "the challenge's measure; 0.693 is always saying 0.5"),
    "balanced_log_loss": ("balanced log loss", "classes weighed to the expected share of fakes"),
    "brier": ("Brier score", "mean squared error of p_fake, weighed likewise"),
    "ece": ("calibration error", "how far p_fake is from the share of fakes, weighed likewise"),
    "accuracy": ("accuracy", "with one threshold and no uncertain band"),
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

OF_FRAMES = ("auc", "average_precision", "eer", "log_loss", "balanced_log_loss", "accuracy")


def write(path: Path, results: dict[str, Any], plots: list[dict[str, bytes]]) -> None:
    """`plots` holds those of every evaluation in `results`, by name."""
    found = {v for one in results["evaluations"] for c in one["verdicts"].values() for v in c}
    names = [name for name in dict.fromkeys((*VERDICTS, *STATUSES)) if name in {*VERDICTS, *found}]
    words = {"shown": SHOWN, "of_frames": OF_FRAMES, "verdict_names": names}
    render(TEMPLATE, path, **results, plots=plots, **words)
