"""The main results of an evaluation as lines of text."""

from collections.abc import Iterator
from typing import Any

from common.pages import format_measured
from evaluation.measure import OF_FAKES, weakest

SHOWN = ("auc", "log_loss", "balanced_log_loss", "ece", "accuracy", "uncertain")


def lines(result: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of one entry of `evaluations` in metrics.json."""
    yield (
        f"{result['checkpoint']} on {result['csv_file']}: {result['videos_judged']} of "
        f"{result['videos']} videos judged, {result['sources']} sources"
    )
    yield f"  {result['judgement']['fitted'] or 'not calibrated'}"
    for name in SHOWN:
        yield f"  {name:<18} {format_measured(result['metrics'][name])}"
    for column in OF_FAKES:
        for name, group in result["groups"].get(column, {}).items():
            if "auc" in group:
                yield f"  auc of {name:<11} {format_measured(group['auc'])}"
    for column, groups in result["groups"].items():
        if lowest := weakest(groups):
            yield f"  weakest {column}: {lowest}, auc {format_measured(groups[lowest]['auc'])}"
    for label, counts in result["verdicts"].items():
        yield f"  {label}: " + ", ".join(f"{n} {verdict}" for verdict, n in counts.items())
