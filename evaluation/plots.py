"""Plots of judged videos as PNG bytes."""

import re
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import precision_recall_curve, roc_curve

from common.figures import FAKE_COLOUR, LINE_COLOUR, REAL_COLOUR, axes_as_png
from scoring import metrics
from scoring.decision_rule import DecisionRule

BINS = 10  # of p_fake in the reliability plot; the histogram has twice as many


def plot_split(
    judged: pd.DataFrame, rule: DecisionRule, result: dict[str, Any]
) -> dict[str, bytes]:
    """Return the plots of one evaluation: file name without extension → PNG bytes.

    `judged` has one row per judged video, with `label` and `p_fake`. `result` is one entry of
    `evaluations` in metrics.json. The ROC, precision-recall and reliability plots
    need both classes and are left out if one is missing.
    """
    labels, scores = judged["label"].to_numpy(), judged["p_fake"].to_numpy()
    plots = {"scores": _scores(labels, scores, rule)}
    if len(set(labels)) == 2:
        plots |= {
            "roc": _roc(labels, scores),
            "precision_recall": _precision_recall(labels, scores),
            "reliability": _reliability(labels, scores, rule.prior),
        }
    for column, entries in result["groups"].items():
        if sum("auc" in entry for entry in entries.values()) > 1:
            name = "by_" + re.sub(r"[^\w.-]+", "_", column)[:60]
            while name in plots:  # of another column
                name += "_"
            plots[name] = _groups(column, entries)
    if result["robustness"]:
        plots["robustness"] = _robustness(result["robustness"], result["metrics"]["auc"]["value"])
    return plots


def _scores(labels: np.ndarray, scores: np.ndarray, rule: DecisionRule) -> bytes:
    with axes_as_png() as (axes, png):
        edges = np.linspace(0, 1, 2 * BINS + 1).tolist()
        for label, name, colour in ((0, "real", REAL_COLOUR), (1, "fake", FAKE_COLOUR)):
            axes.hist(scores[labels == label], edges, alpha=0.6, label=name, color=colour)
        for p_fake in set(rule.p_fake_thresholds):
            axes.axvline(p_fake, color=LINE_COLOUR, ls="--", lw=1)
        axes.set(xlabel="p_fake (dashed: thresholds)", ylabel="videos", xlim=(0, 1))
        axes.legend(frameon=False)
    return png.data


def _roc(labels: np.ndarray, scores: np.ndarray) -> bytes:
    with axes_as_png() as (axes, png):
        fpr, tpr, _ = roc_curve(labels, scores)
        axes.plot(fpr, tpr, color=FAKE_COLOUR, drawstyle="steps-post")
        axes.plot([0, 1], [0, 1], color=LINE_COLOUR, ls=":", lw=1)
        axes.set(
            xlabel="share of reals called fake",
            ylabel="share of fakes called fake",
            xlim=(0, 1),
            ylim=(0, 1.02),
        )
    return png.data


def _precision_recall(labels: np.ndarray, scores: np.ndarray) -> bytes:
    with axes_as_png() as (axes, png):
        precision, recall, _ = precision_recall_curve(labels, scores)
        axes.plot(recall, precision, color=FAKE_COLOUR, drawstyle="steps-post")
        axes.axhline(labels.mean(), color=LINE_COLOUR, ls=":", lw=1)
        axes.set(
            xlabel="recall: share of fakes called fake",
            ylabel="precision: fakes among those called fake",
            xlim=(0, 1),
            ylim=(0, 1.02),
        )
    return png.data


def _reliability(labels: np.ndarray, scores: np.ndarray, prior: float) -> bytes:
    """Plot one point per bin of p_fake: its mean p_fake (x) and its share of fakes (y). Videos are
    weighted so that the share of fakes is `prior`, and a point's size shows the bin's weight."""
    weights = metrics.weights(labels, prior)
    with axes_as_png() as (axes, png):
        bins = np.minimum((scores * BINS).astype(int), BINS - 1)
        for number in np.unique(bins):
            in_bin = bins == number
            size = 15 + 200 * weights[in_bin].sum()
            x, y = (np.average(v[in_bin], weights=weights[in_bin]) for v in (scores, labels))
            axes.scatter(x, y, size, color=FAKE_COLOUR)
        axes.plot([0, 1], [0, 1], color=LINE_COLOUR, ls=":", lw=1)
        axes.set(xlabel="p_fake", ylabel="share of fakes at this p_fake")
        axes.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03))
    return png.data


def _groups(column: str, entries: dict[str, Any]) -> bytes:
    shown = {name: entry["auc"] for name, entry in entries.items() if "auc" in entry}
    shown = {name: auc for name, auc in shown.items() if auc["value"] is not None}
    with axes_as_png(height=1.2 + 0.35 * len(shown)) as (axes, png):
        for row, auc in enumerate(shown.values()):
            low, high = auc["interval"] or (auc["value"], auc["value"])
            axes.plot([low, high], [row, row], color=LINE_COLOUR, lw=1.5)
            axes.plot(auc["value"], row, "o", color=FAKE_COLOUR)
        axes.axvline(0.5, color=LINE_COLOUR, ls=":", lw=1)
        axes.set_yticks(range(len(shown)), list(shown), parse_math=False)
        axes.invert_yaxis()
        axes.set(xlabel="AUC and 95 % interval")
        axes.set_title(column.replace("_", " "), parse_math=False)
    return png.data


def _robustness(found: dict[str, list[dict[str, Any]]], clean: float | None) -> bytes:
    with axes_as_png(width=8.4) as (axes, png):
        for name, entries in found.items():
            values = [clean, *(entry["auc"]["value"] for entry in entries)]
            shown = [np.nan if value is None else value for value in values]
            axes.plot(range(len(shown)), shown, marker="o", ms=3, label=name)
        axes.axhline(0.5, color=LINE_COLOUR, ls=":", lw=1)
        axes.set(xlabel="severity", ylabel="AUC", ylim=(0, 1.02))
        axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    return png.data
