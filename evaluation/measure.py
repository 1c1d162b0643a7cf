"""Metrics of judged videos, with 95 % bootstrap intervals.

A metric is {"value": …, "interval": (low, high)}. An undefined value or interval is None.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from datasets import manifest
from evaluation import video_traits
from scoring import metrics
from scoring.aggregate import AGGREGATIONS
from scoring.decision_rule import MIN_SCORE, VERDICTS, DecisionRule
from scoring.metrics import MIN_SOURCES, Metrics

BOOTSTRAP_COLUMN = "group"  # the unit that is resampled: sources that share footage
OF_FAKES = ("method", "kind")  # columns that say something of fakes only
UNKNOWN_GROUP = "not known"  # name of the group of videos without a value in a column


def with_face(videos: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with status `ok`: the videos that could be judged."""
    return videos[videos["status"] == "ok"].reset_index(drop=True)


def measure(videos: pd.DataFrame, rule: DecisionRule, columns: list[str], seed: int) -> dict:
    """Measure one checkpoint on one split: counts, metrics, AUC of each aggregation, and metrics by
    group for each column in `columns`. The keys are described in docs/data.md (`evaluations` of
    metrics.json). `videos` has one row per video, with its verdict. Videos that could not be judged
    are counted but enter no metric."""
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
    """Return all metrics, by name, of judged videos or frames. `judged` needs the columns `label`,
    `group`, `score`, `p_fake` and `verdict`."""
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
    """Return 1 for each video whose score reaches the rule's single threshold, else 0."""
    return (judged["score"] >= rule.single_threshold).to_numpy().astype(int)


def _with_chance(
    values: dict[str, Any], judged: pd.DataFrame, prior: float, seed: int
) -> dict[str, Any]:
    """Return `values` as `metrics`, and the mean and 97.5 % quantile of the calibration error that
    chance alone causes. If the measured one is not above the quantile, its interval starts at 0."""
    labels, scores = judged["label"].to_numpy(), judged["p_fake"].to_numpy()
    chance, most = ece_if_calibrated(labels, scores, prior, seed)
    ece = values["ece"]
    if ece["interval"] and ece["value"] <= most:  # no more than chance causes: it may be 0
        ece["interval"] = (0.0, ece["interval"][1])
    return {"metrics": values, "ece_if_calibrated": chance, "ece_if_calibrated_at_most": most}


def ece_if_calibrated(
    labels: np.ndarray, scores: np.ndarray, prior: float, seed: int, repetitions: int = 400
) -> tuple[float, float]:
    """Return the mean and the 97.5 % quantile of the calibration error that perfectly calibrated
    scores would have. It is large if there are few videos.

    It is simulated `repetitions` times: the labels stay, and each video gets a score drawn from
    `scores` with the distribution that its class would have if every p_fake were correct.
    """
    random, weights = np.random.default_rng(seed), metrics.weights(labels, prior)
    drawn, errors = np.empty(len(scores)), []
    for _ in range(repetitions):
        for label in set(labels):
            p_correct = scores if label else 1 - scores
            probabilities = weights * p_correct.clip(MIN_SCORE)  # p(score | label), not normalised
            of_class = labels == label
            drawn[of_class] = random.choice(
                scores, of_class.sum(), p=probabilities / probabilities.sum()
            )
        errors.append(metrics.calibration_error(labels, drawn, weights))
    return float(np.mean(errors)), float(np.quantile(errors, 0.975))


def with_intervals(
    metrics_of_rows: Callable[[np.ndarray], Metrics],
    judged: pd.DataFrame,
    seed: int,
    draw: bool = True,
) -> dict[str, Any]:
    """Return the metrics of all rows of `judged`, each with its bootstrap interval; without
    intervals if not `draw`, or if a label has fewer than MIN_SOURCES sources. `metrics_of_rows`
    maps row numbers, which may repeat, to the metrics of these rows."""
    values = metrics_of_rows(np.arange(len(judged)))
    ranges: dict[str, metrics.Interval | None] = dict.fromkeys(values)
    if draw and _has_enough_sources(judged):
        ranges = metrics.intervals(metrics_of_rows, judged[BOOTSTRAP_COLUMN].to_numpy(), seed)
    return {name: {"value": values[name], "interval": ranges[name]} for name in values}


def _has_enough_sources(videos: pd.DataFrame) -> bool:
    """Return whether every label that occurs has at least MIN_SOURCES independent sources."""
    return bool((videos.groupby("label")[BOOTSTRAP_COLUMN].nunique() >= MIN_SOURCES).all())


def _verdict_rates(labels: np.ndarray, verdicts: np.ndarray) -> Metrics:
    """Return the error rates that the thresholds are fitted to limit, and the share of uncertain
    videos. A rate is None if its class is missing."""
    real, fake = verdicts[labels == 0], verdicts[labels == 1]
    return {
        "reals_with_verdict_fake": float((real == "fake").mean()) if len(real) else None,
        "fakes_with_verdict_real": float((fake == "real").mean()) if len(fake) else None,
        "uncertain": float((verdicts == "uncertain").mean()),
    }


def _counts(videos: pd.DataFrame, column: str, order: tuple[str, ...]) -> dict[str, Any]:
    """Return label name → value of `column` → number of videos, with the values in the given
    order and without those that do not occur."""
    return {
        manifest.CLASSES[label]: {
            name: int((rows[column] == name).sum()) for name in order if name in set(rows[column])
        }
        for label, rows in videos.groupby("label")
    }


def _aggregations(judged: pd.DataFrame, seed: int) -> dict[str, Any]:
    """Return the AUC, with its interval, that each aggregation would have."""
    labels = judged["label"].to_numpy()

    def metrics_of_rows(rows: np.ndarray) -> Metrics:
        return {
            name: metrics.auc(labels[rows], judged[name].to_numpy()[rows]) for name in AGGREGATIONS
        }

    return with_intervals(metrics_of_rows, judged, seed)


def by_group(videos: pd.DataFrame, rule: DecisionRule, column: str, seed: int) -> dict[str, Any]:
    """Measure each group of videos that `column` defines (see `video_traits.groups`).

    Each group gets its counts and, if it has at least MIN_SOURCES independent sources, its AUC,
    false alarms (share of reals called fake) and misses (share of fakes called real). `<name>_gap`
    is the group's value minus that of all other videos; it has no interval if either has too few
    sources of a label. In the columns OF_FAKES, the reals belong to every group. Videos that could
    not be judged are counted, but not measured.
    """
    ok = (videos["status"] == "ok").to_numpy()
    real = (videos["label"] == 0).to_numpy()
    judged = with_face(videos)
    labels, scores = judged["label"].to_numpy(), judged["p_fake"].to_numpy()
    rates = error_rates(labels, scores, _called(judged, rule))
    result = {}
    for name, members in _members(videos[column]).items():
        inside, outside = members, ~members
        if column in OF_FAKES:
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
            enough = [_has_enough_sources(judged[rows[ok]]) for rows in (inside, outside)]
            measured = with_intervals(group_rates, judged, seed, draw=enough[0])
            for metric, found in measured.items():
                if metric.endswith("_gap") and not all(enough):
                    found["interval"] = None
            entry |= measured
        result[name] = entry
    return result


def weakest(groups: dict[str, Any]) -> str | None:
    """Return the name of the group with the lowest AUC, of a result of `by_group`; None unless two
    groups have one."""
    aucs = {name: group["auc"]["value"] for name, group in groups.items() if "auc" in group}
    known = {name: auc for name, auc in aucs.items() if auc is not None}
    return min(known, key=lambda name: known[name]) if len(known) > 1 else None


def _members(values: pd.Series) -> dict[str, np.ndarray]:
    """Return group name → mask over the rows, True for members. Rows without a value form the
    group UNKNOWN_GROUP."""
    groups = video_traits.groups(values)
    members = {str(name): np.asarray(groups == name) for name in groups.categories}
    return members | {UNKNOWN_GROUP: groups.isna() | members.get(UNKNOWN_GROUP, False)}


def error_rates(
    labels: np.ndarray, scores: np.ndarray, called: np.ndarray
) -> Callable[[np.ndarray], Metrics]:
    """Return a function that maps row numbers (rows may repeat) to AUC, false alarms (share of
    reals called fake) and misses (share of fakes called real). `called` is 1 for fake, 0 for
    real."""

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
    """Return a function that maps row numbers to the metrics of a group and their gaps to all
    other videos. `inside` and `outside` are masks over the rows."""
    shared = bool((inside & outside).any())  # the reals, so false alarms cannot differ

    def metrics_of_rows(rows: np.ndarray) -> Metrics:
        own, other = rates(rows[inside[rows]]), rates(rows[outside[rows]])
        if shared:
            other["false_alarms"] = None
        gaps = {f"{name}_gap": metrics.difference(own[name], other[name]) for name in own}
        return own | gaps

    return metrics_of_rows
