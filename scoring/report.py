"""Pages of HTML that open offline, and the one of what evaluate.py found."""

import base64
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from datasets.manifest import STATUSES
from scoring.judgement import VERDICTS, in_digits

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
    render(path, "report.html", **results, plots=plots, **words)


def render(path: Path, template: str, **values: Any) -> None:
    """A page of one of this folder's templates."""
    pages = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters |= {"number": number, "measured": measured, "percent": percent, "png": png}
    pages.filters["in_digits"] = in_digits
    text = pages.get_template(template).render(**values)
    path.write_text(text, encoding="utf-8", errors="backslashreplace")


def number(value: float | None, sign: bool = False) -> str:
    if value is None:
        return "–"
    return f"{value:+.3f}" if sign else f"{value:.3f}"


def measured(entry: dict[str, Any], sign: bool = False) -> str:
    """A number with its interval, in one cell."""
    if entry["value"] is None:
        return number(None)
    if not entry["interval"]:
        return f"{number(entry['value'], sign)} (–)"
    low, high = (number(value, sign) for value in entry["interval"])
    return f"{number(entry['value'], sign)} ({low} to {high})"


def percent(share: float) -> str:
    """In words that promise no more than can be known."""
    if not 0.01 <= share <= 0.99:
        return "less than 1 %" if share < 0.5 else "more than 99 %"
    return f"about {100 * share:.0f} %"


def png(data: bytes) -> Markup:
    return Markup("data:image/png;base64," + base64.b64encode(data).decode())
