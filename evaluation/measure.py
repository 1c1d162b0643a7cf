"""Judged videos → numbers with intervals. A number is {"value": …, "interval": [low, high]}; what
cannot be known is None."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from datasets import manifest
from evaluation import video_traits
from scoring import metrics
from scoring.aggregate import AGGREGATIONS
from scoring.decision_rule import EDGE, VERDICTS, Judgement
from scoring.metrics import Numbers

FEW = 5  # a group with fewer sources is counted and not measured
UNIT = "group"  # what is drawn for intervals: sources that share footage go together
UNKNOWN = "not known"  # the group of videos that a column says nothing of


def with_face(videos: pd.DataFrame) -> pd.DataFrame:
    """Those that could be judged."""
    return videos[videos["status"] == "ok"].reset_index(drop=True)


def measure(videos: pd.DataFrame, judgement: Judgement, columns: list[str], seed: int) -> dict:
    """All about one checkpoint and one split: `videos` has a row per video (scoring.judge), and
    is broken down by `columns`. Videos that could not be judged are counted, and in no number."""
    judged = with_face(videos)
    return {
        "videos": len(videos),
        "videos_judged": len(judged),
        "sources": int(judged["source"].nunique()),
        "independent": int(judged[UNIT].nunique()),
        "counts": _counts(videos, "status", manifest.STATUSES),
        "verdicts": _counts(videos, "verdict", (*VERDICTS, *manifest.STATUSES)),
        **_with_chance(all_metrics(judged, judgement, seed), judged, judgement.prior, seed),
        "aggregations": _aggregations(judged, seed),
        "groups": {column: by_group(videos, judgement, column, seed) for column in columns},
    }


def all_metrics(judged: pd.DataFrame, judgement: Judgement, seed: int) -> dict[str, Any]:
    """Of videos, or of frames, with `label`, `group`, `score`, `p_fake` and `verdict`."""
    labels, scores = judged["label"].to_numpy(), judged["p_fake"].to_numpy()
    called, verdicts = _called(judged, judgement), judged["verdict"].to_numpy()

    def numbers(rows: np.ndarray) -> Numbers:
        return {
            **metrics.ranking(labels[rows], scores[rows]),
            **metrics.probabilities(labels[rows], scores[rows], judgement.prior),
            **metrics.calls(labels[rows], called[rows]),
            **_verdict_rates(labels[rows], verdicts[rows]),
        }

    return with_intervals(numbers, judged, seed)


def _called(judged: pd.DataFrame, judgement: Judgement) -> np.ndarray:
    """1 where one threshold calls a video fake, else 0."""
    return (judged["score"] >= judgement.threshold).to_numpy().astype(int)


def _with_chance(
    found: dict[str, Any], judged: pd.DataFrame, prior: float, seed: int
) -> dict[str, Any]:
    """The metrics `found`, and the calibration error that chance alone shows."""
    labels, scores = judged["label"].to_numpy(), judged["p_fake"].to_numpy()
    chance, most = ece_if_calibrated(labels, scores, prior, seed)
    ece = found["ece"]
    if ece["interval"] and ece["value"] <= most:  # no more than chance: perhaps there is none
        ece["interval"] = (0.0, ece["interval"][1])
    return {"metrics": found, "ece_if_calibrated": chance, "ece_if_calibrated_at_most": most}


def ece_if_calibrated(
    labels: np.ndarray, scores: np.ndarray, prior: float, seed: int, repetitions: int = 400
) -> tuple[float, float]:
    """The calibration error if every p_fake were right, which is large where videos are few: its
    mean, and what it exceeds in one of 40 sets."""
    random, weights = np.random.default_rng(seed), metrics.weights(labels, prior)
    drawn, found = np.empty(len(scores)), []
    for _ in range(repetitions):
        for label in set(labels):
            right = scores if label else 1 - scores
            chances = weights * right.clip(EDGE)  # of a score to be one of this class
            of_class = labels == label
            drawn[of_class] = random.choice(scores, of_class.sum(), p=chances / chances.sum())
        found.append(metrics.calibration_error(labels, drawn, weights))
    return float(np.mean(found)), float(np.quantile(found, 0.975))


def with_intervals(
    numbers: Callable[[np.ndarray], Numbers], judged: pd.DataFrame, seed: int
) -> dict[str, Any]:
    """`numbers` of all rows, each with its interval over sources."""
    values = numbers(np.arange(len(judged)))
    found = metrics.intervals(numbers, judged[UNIT].to_numpy(), seed)
    return {name: {"value": values[name], "interval": found[name]} for name in values}


def _verdict_rates(labels: np.ndarray, verdicts: np.ndarray) -> Numbers:
    """Of judged videos: what the promise of thresholds is about."""
    real, fake = verdicts[labels == 0], verdicts[labels == 1]
    return {
        "reals_with_verdict_fake": float((real == "fake").mean()) if len(real) else None,
        "fakes_with_verdict_real": float((fake == "real").mean()) if len(fake) else None,
        "uncertain": float((verdicts == "uncertain").mean()),
    }


def _counts(videos: pd.DataFrame, column: str, order: tuple[str, ...]) -> dict[str, Any]:
    """Of each label, by the values of a column."""
    return {
        manifest.CLASSES[label]: {
            name: int((rows[column] == name).sum()) for name in order if name in set(rows[column])
        }
        for label, rows in videos.groupby("label")
    }


def _aggregations(judged: pd.DataFrame, seed: int) -> dict[str, Any]:
    """The AUC of every way to make a video's score of its clips'."""
    labels = judged["label"].to_numpy()

    def numbers(rows: np.ndarray) -> Numbers:
        return {
            name: metrics.auc(labels[rows], judged[name].to_numpy()[rows]) for name in AGGREGATIONS
        }

    return with_intervals(numbers, judged, seed)


def by_group(videos: pd.DataFrame, judgement: Judgement, column: str, seed: int) -> dict[str, Any]:
    """AUC, false alarms (share of reals called fake) and misses (of fakes called real) of every
    group of a column, and how far each is from all other videos. A method's group has all reals.
    Videos that could not be judged are counted in their group."""
    ok = (videos["status"] == "ok").to_numpy()
    real = (videos["label"] == 0).to_numpy()
    judged = with_face(videos)
    labels, scores = judged["label"].to_numpy(), judged["p_fake"].to_numpy()
    numbers = mistakes(labels, scores, _called(judged, judgement))
    found = {}
    for name, own in _members(videos[column]).items():
        inside, outside = own, ~own
        if column == "method":
            own = own & ~real
            inside, outside = inside | real, outside | real
        if not own.any():
            continue
        entry = {
            "real": int((inside & ok & real).sum()),
            "fake": int((inside & ok & ~real).sum()),
            "not_judged": int((inside & ~ok).sum()),
            "sources": int(videos["source"][own & ok].nunique()),
        }
        if videos[UNIT][own & ok].nunique() >= FEW:
            of_group = _group_numbers(numbers, inside[ok], outside[ok])
            entry |= with_intervals(of_group, judged, seed)
        found[name] = entry
    return found


def _members(values: pd.Series) -> dict[str, np.ndarray]:
    """Name of a group → which rows are in it; those without a value are a group, too."""
    groups = video_traits.groups(values)
    found = {str(name): np.asarray(groups == name) for name in groups.categories}
    return found | {UNKNOWN: groups.isna() | found.get(UNKNOWN, False)}


def mistakes(
    labels: np.ndarray, scores: np.ndarray, called: np.ndarray
) -> Callable[[np.ndarray], Numbers]:
    """What makes AUC, false alarms and misses of row numbers."""

    def numbers(rows: np.ndarray) -> Numbers:
        real, fake = rows[labels[rows] == 0], rows[labels[rows] == 1]
        return {
            "auc": metrics.auc(labels[rows], scores[rows]),
            "false_alarms": float(called[real].mean()) if len(real) else None,
            "misses": float(1 - called[fake].mean()) if len(fake) else None,
        }

    return numbers


def _group_numbers(
    of: Callable[[np.ndarray], Numbers], inside: np.ndarray, outside: np.ndarray
) -> Callable[[np.ndarray], Numbers]:
    """What makes the numbers of a group, and its gaps, of row numbers."""
    shared = bool((inside & outside).any())  # reals, which then make no difference

    def numbers(rows: np.ndarray) -> Numbers:
        here, there = of(rows[inside[rows]]), of(rows[outside[rows]])
        if shared:
            there["false_alarms"] = None
        gaps = {
            f"{name}_gap": None if None in (here[name], there[name]) else here[name] - there[name]
            for name in here
        }
        return here | gaps

    return numbers
