"""Metrics with intervals of judged videos. Each is {"value": …, "interval": [low, high]}; what
cannot be known is None."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from datasets import manifest
from evaluation import video_traits
from scoring import metrics
from scoring.aggregate import AGGREGATIONS
from scoring.decision_rule import MIN_SCORE, VERDICTS, DecisionRule
from scoring.metrics import Metrics

MIN_SOURCES = 5  # a group with fewer sources is counted but not measured
BOOTSTRAP_COLUMN = "group"  # what intervals resample: sources that share footage stay together
UNKNOWN_GROUP = "not known"  # of videos without a value in a column


def with_face(videos: pd.DataFrame) -> pd.DataFrame:
    """Return the videos that could be judged."""
    return videos[videos["status"] == "ok"].reset_index(drop=True)


def measure(videos: pd.DataFrame, rule: DecisionRule, columns: list[str], seed: int) -> dict:
    """Return everything about one checkpoint and one split. `videos` has a row per video with its
    verdict, and is also measured by groups of `columns`. Videos that could not be judged are
    counted but enter no metric."""
    with_faces = with_face(videos)
    return {
        "videos": len(videos),
        "videos_judged": len(with_faces),
        "sources": int(with_faces["source"].nunique()),
        "independent": int(with_faces[BOOTSTRAP_COLUMN].nunique()),
        "counts": _counts(videos, "status", manifest.STATUSES),
        "verdicts": _counts(videos, "verdict", (*VERDICTS, *manifest.STATUSES)),
        **_with_chance(all_metrics(with_faces, rule, seed), with_faces, rule.prior, seed),
        "aggregations": _aggregations(with_faces, seed),
        "groups": {column: by_group(videos, rule, column, seed) for column in columns},
    }


def all_metrics(judged: pd.DataFrame, rule: DecisionRule, seed: int) -> dict[str, Any]:
    """Return all metrics of videos, or of frames, with the columns `label`, `group`, `score`,
    `p_fake` and `verdict`."""
    labels, scores = judged["label"].to_numpy(), judged["p_fake"].to_numpy()
    called, verdicts = _called(judged, rule), judged["verdict"].to_numpy()

    def metrics_of_rows(rows: np.ndarray) -> Metrics:
        return {
            **metrics.ranking(labels[rows], scores[rows]),
            **metrics.probabilities(labels[rows], scores[rows], rule.prior),
            **metrics.calls(labels[rows], called[rows]),
            **_verdict_rates(labels[rows], verdicts[rows]),
        }

    return with_intervals(metrics_of_rows, judged, seed)


def _called(judged: pd.DataFrame, rule: DecisionRule) -> np.ndarray:
    """Return 1 for videos that a single threshold calls fake, else 0."""
    return (judged["score"] >= rule.single_threshold).to_numpy().astype(int)


def _with_chance(
    values: dict[str, Any], judged: pd.DataFrame, prior: float, seed: int
) -> dict[str, Any]:
    """Return the metrics `values` and the calibration error expected by chance."""
    labels, scores = judged["label"].to_numpy(), judged["p_fake"].to_numpy()
    chance, most = ece_if_calibrated(labels, scores, prior, seed)
    ece = values["ece"]
    if ece["interval"] and ece["value"] <= most:  # not more than chance: it may be zero
        ece["interval"] = (0.0, ece["interval"][1])
    return {"metrics": values, "ece_if_calibrated": chance, "ece_if_calibrated_at_most": most}


def ece_if_calibrated(
    labels: np.ndarray, scores: np.ndarray, prior: float, seed: int, repetitions: int = 400
) -> tuple[float, float]:
    """Return the calibration error if every p_fake were right, which is large for few videos: its
    mean, and the value that it exceeds in one of 40 sets."""
    random, weights = np.random.default_rng(seed), metrics.weights(labels, prior)
    drawn, errors = np.empty(len(scores)), []
    for _ in range(repetitions):
        for label in set(labels):
            p_correct = scores if label else 1 - scores
            probabilities = weights * p_correct.clip(MIN_SCORE)  # that a score is of this class
            of_class = labels == label
            drawn[of_class] = random.choice(
                scores, of_class.sum(), p=probabilities / probabilities.sum()
            )
        errors.append(metrics.calibration_error(labels, drawn, weights))
    return float(np.mean(errors)), float(np.quantile(errors, 0.975))


def with_intervals(
    metrics_of_rows: Callable[[np.ndarray], Metrics], judged: pd.DataFrame, seed: int
) -> dict[str, Any]:
    """Return the metrics of all rows, each with its interval over sources. `metrics_of_rows`
    computes them for row numbers."""
    values = metrics_of_rows(np.arange(len(judged)))
    ranges = metrics.intervals(metrics_of_rows, judged[BOOTSTRAP_COLUMN].to_numpy(), seed)
    return {name: {"value": values[name], "interval": ranges[name]} for name in values}


def _verdict_rates(labels: np.ndarray, verdicts: np.ndarray) -> Metrics:
    """Return the error rates that the thresholds promise."""
    real, fake = verdicts[labels == 0], verdicts[labels == 1]
    return {
        "reals_with_verdict_fake": float((real == "fake").mean()) if len(real) else None,
        "fakes_with_verdict_real": float((fake == "real").mean()) if len(fake) else None,
        "uncertain": float((verdicts == "uncertain").mean()),
    }


def _counts(videos: pd.DataFrame, column: str, order: tuple[str, ...]) -> dict[str, Any]:
    """Return the number of videos by label and by the values of a column, in this order."""
    return {
        manifest.CLASSES[label]: {
            name: int((rows[column] == name).sum()) for name in order if name in set(rows[column])
        }
        for label, rows in videos.groupby("label")
    }


def _aggregations(judged: pd.DataFrame, seed: int) -> dict[str, Any]:
    """Return the AUC of every aggregation."""
    labels = judged["label"].to_numpy()

    def metrics_of_rows(rows: np.ndarray) -> Metrics:
        return {
            name: metrics.auc(labels[rows], judged[name].to_numpy()[rows]) for name in AGGREGATIONS
        }

    return with_intervals(metrics_of_rows, judged, seed)


def by_group(videos: pd.DataFrame, rule: DecisionRule, column: str, seed: int) -> dict[str, Any]:
    """Return, for every group of a column, AUC, false alarms (share of reals called fake), misses
    (share of fakes called real), and their differences from all other videos. The group of a method
    includes all reals. Videos that could not be judged are counted in their group."""
    ok = (videos["status"] == "ok").to_numpy()
    real = (videos["label"] == 0).to_numpy()
    judged = with_face(videos)
    labels, scores = judged["label"].to_numpy(), judged["p_fake"].to_numpy()
    rates = error_rates(labels, scores, _called(judged, rule))
    result = {}
    for name, members in _members(videos[column]).items():
        inside, outside = members, ~members
        if column == "method":
            members = members & ~real
            inside, outside = inside | real, outside | real
        if not members.any():
            continue
        entry = {
            "real": int((inside & ok & real).sum()),
            "fake": int((inside & ok & ~real).sum()),
            "not_judged": int((inside & ~ok).sum()),
            "sources": int(videos["source"][members & ok].nunique()),
        }
        if videos[BOOTSTRAP_COLUMN][members & ok].nunique() >= MIN_SOURCES:
            group_rates = _rates_and_gaps(rates, inside[ok], outside[ok])
            entry |= with_intervals(group_rates, judged, seed)
        result[name] = entry
    return result


def _members(values: pd.Series) -> dict[str, np.ndarray]:
    """Return which rows belong to each group; rows without a value form a group, too."""
    groups = video_traits.groups(values)
    members = {str(name): np.asarray(groups == name) for name in groups.categories}
    return members | {UNKNOWN_GROUP: groups.isna() | members.get(UNKNOWN_GROUP, False)}


def error_rates(
    labels: np.ndarray, scores: np.ndarray, called: np.ndarray
) -> Callable[[np.ndarray], Metrics]:
    """Return a function that computes AUC, false alarms and misses for row numbers."""

    def rates_of_rows(rows: np.ndarray) -> Metrics:
        real, fake = rows[labels[rows] == 0], rows[labels[rows] == 1]
        return {
            "auc": metrics.auc(labels[rows], scores[rows]),
            "false_alarms": float(called[real].mean()) if len(real) else None,
            "misses": float(1 - called[fake].mean()) if len(fake) else None,
        }

    return rates_of_rows


def _rates_and_gaps(
    rates: Callable[[np.ndarray], Metrics], inside: np.ndarray, outside: np.ndarray
) -> Callable[[np.ndarray], Metrics]:
    """Return a function that computes a group's metrics and gaps for row numbers."""
    shared = bool((inside & outside).any())  # reals, whose false alarms then cannot differ

    def metrics_of_rows(rows: np.ndarray) -> Metrics:
        own, other = rates(rows[inside[rows]]), rates(rows[outside[rows]])
        if shared:
            other["false_alarms"] = None
        gaps = {f"{name}_gap": metrics.difference(own[name], other[name]) for name in own}
        return own | gaps

    return metrics_of_rows
