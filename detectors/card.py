"""Writes the model card of a detector from the results of evaluate.py.

After Mitchell et al., "Model Cards for Model Reporting" (2019).
"""

from pathlib import Path
from typing import Any

import jinja2
import pandas as pd

from common.checkpointing import Checkpoint
from scoring.decision_rule import DecisionRule

TEMPLATE = Path(__file__).with_name("card.md")
LABELS = {"REAL": "reals", "FAKE": "fakes"}
RIGHT = {"REAL": "real", "FAKE": "fake"}
WRONG = {"REAL": "fake", "FAKE": "real"}
PICTURES = ("reliability", "robustness")  # plots of evaluate.py that the card shows
MISTAKES = 5  # wrong verdicts listed for each collection and label

Evaluation = dict[str, Any]  # an entry of `evaluations` in metrics.json


def figures(results: dict[str, Any]) -> dict[str, str]:
    """Return collection → one line of text about its split, for every evaluation in
    `results`, the content of metrics.json."""
    names = [f"{collection(entry)}, {results['split']} split" for entry in results["evaluations"]]
    return dict(zip(names, map(one_line, results["evaluations"]), strict=True))


def one_line(entry: Evaluation) -> str:
    """Return the AUC and the shares of right, wrong and uncertain verdicts as one line of text."""
    shares = (
        f"{kind} {row['right']} right, {row['wrong']} wrong, {row['uncertain']} uncertain"
        for kind, row in verdicts(entry).items()
    )
    auc = entry["metrics"]["auc"]
    return "; ".join([*([f"AUC {interval(auc)}"] if auc["value"] is not None else []), *shares])


def verdicts(entry: Evaluation) -> dict[str, dict[str, str]]:
    """Return reals and fakes → the shares of right, wrong and uncertain verdicts among the judged
    videos, and their numbers, as texts."""
    table = {}
    for label, kind in LABELS.items():
        counts = entry["verdicts"].get(label, {})
        names = {"right": RIGHT[label], "wrong": WRONG[label], "uncertain": "uncertain"}
        judged = sum(counts.get(name, 0) for name in names.values())
        if judged:
            numbers = {key: counts.get(name, 0) for key, name in names.items()}
            table[kind] = {key: f"{n / judged:.1%} ({n})" for key, n in numbers.items()}
    return table


def interval(measured: dict[str, Any]) -> str:
    """Return a metric as text, with its interval if it has one."""
    if measured["value"] is None:
        return "–"
    ends = measured["interval"]
    between = f" ({ends[0]:.3f} to {ends[1]:.3f})" if ends else ""
    return f"{measured['value']:.3f}{between}"


def has_methods(entry: Evaluation) -> bool:
    """Return whether fakes of several methods were measured, each with enough sources."""
    return sum("auc" in group for group in entry["groups"]["method"].values()) > 1


def pictures(results: dict[str, Any]) -> dict[str, str]:
    """Return file name beside the card → file name in the folder of `results`, of the plots that
    the card shows. A collection without intervals has too few sources for a plot."""
    shown = {}
    for number, entry in enumerate(results["evaluations"], start=1):
        prefix = f"{number}_" if number > 1 else ""
        for name in PICTURES if entry["metrics"]["ece"]["interval"] else ():
            if (file := f"{prefix}{name}.png") in results["files"]:
                shown[f"{collection(entry)}_{name}.png"] = file
    return shown


def mistakes(videos: pd.DataFrame) -> list[dict[str, Any]]:
    """Return, of each collection and label, the MISTAKES wrong verdicts that were most certain.
    `videos` is scores.csv of evaluate.py."""
    called = videos["label"].map({0: WRONG["REAL"], 1: WRONG["FAKE"]})
    wrong = videos[videos["verdict"] == called]
    wrong = wrong.assign(certain=(wrong["p_fake"] - 0.5).abs()).sort_values(
        ["certain", "video_id"], ascending=[False, True]
    )
    first = wrong.groupby(["csv_file", "label"], sort=False).head(MISTAKES)
    return first.sort_values(["csv_file", "label"], kind="stable").to_dict("records")


def collection(entry: Evaluation) -> str:
    """Return the name of an evaluation's collection: the folder of its manifest."""
    return Path(entry["csv_file"]).parent.name


def training(entry: Evaluation) -> str:
    """Return the name of an evaluation's training: the folder of its checkpoint."""
    return Path(entry["checkpoint"]).parent.name


def text(
    checkpoint: Checkpoint,
    about: dict[str, Any],
    results: dict[str, Any],
    videos: pd.DataFrame,
    left_out: list[dict[str, Any]],
) -> str:
    """Return the model card in Markdown. `results` and `videos` are metrics.json and scores.csv
    of the detector, `left_out` has the metrics.json of trainings without one of its collections."""
    assert checkpoint.judgement is not None  # add.check_results
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, trim_blocks=True, keep_trailing_newline=True
    )
    functions = (interval, verdicts, collection, has_methods, training)
    environment.globals |= {function.__name__: function for function in functions}
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    return template.render(
        checkpoint=checkpoint,
        thresholds=DecisionRule.from_dict(checkpoint.judgement).p_fake_thresholds,
        about=about,
        results=results,
        left_out=[entry for other in left_out for entry in other["evaluations"]],
        pictures=pictures(results),
        mistakes=mistakes(videos),
    )
