"""Several checkpoints and several manifests in one table, and two checkpoints on the same
videos."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from evaluation.measure import with_face, with_intervals
from scoring import metrics
from scoring.metrics import Numbers

POOLED = "all together"  # p_fake must then mean the same in every set
COMPARED = ("auc", "balanced_log_loss", "brier")


def matrix(
    judged: dict[str, dict[str, pd.DataFrame]], prior: float, seed: int
) -> dict[str, dict[str, Any]]:
    """Checkpoint → manifest → all videos, to checkpoint → manifest, and all together → AUC and
    balanced log loss of those that could be judged, and how many these are."""
    return {
        checkpoint: {name: _cell(table, prior, seed) for name, table in _with_pool(tables).items()}
        for checkpoint, tables in judged.items()
    }


def _with_pool(tables: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    if len(tables) == 1:
        return tables
    return tables | {POOLED: pd.concat(tables.values(), ignore_index=True)}


def _cell(videos: pd.DataFrame, prior: float, seed: int) -> dict[str, Any]:
    judged = with_face(videos)
    labels, scores = judged["label"].to_numpy(), judged["p_fake"].to_numpy()
    sizes = {"videos": len(videos), "videos_judged": len(judged)}
    sizes["sources"] = int(judged["source"].nunique())
    return sizes | with_intervals(essentials(labels, scores, prior), judged, seed)


def essentials(
    labels: np.ndarray, scores: np.ndarray, prior: float
) -> Callable[[np.ndarray], Numbers]:
    """What makes AUC and balanced log loss of row numbers."""

    def numbers(rows: np.ndarray) -> Numbers:
        loss = metrics.probabilities(labels[rows], scores[rows], prior)["balanced_log_loss"]
        return {"auc": metrics.auc(labels[rows], scores[rows]), "balanced_log_loss": loss}

    return numbers


def differences(
    first: pd.DataFrame, second: pd.DataFrame, prior: float, seed: int
) -> dict[str, Any]:
    """COMPARED of `first` less those of `second`, on the videos that both judged: every draw of
    sources is the same for both, so what makes a source hard cancels out."""
    columns = ["video_id", "label", "group", "p_fake"]
    in_both = first[columns].merge(
        second[["video_id", "p_fake"]], on="video_id", suffixes=("", "_other")
    )
    both = in_both.dropna(subset=["p_fake", "p_fake_other"])
    labels = both["label"].to_numpy()
    scores, others = both["p_fake"].to_numpy(), both["p_fake_other"].to_numpy()

    def of(rows: np.ndarray, values: np.ndarray) -> Numbers:
        return {
            "auc": metrics.auc(labels[rows], values[rows]),
            **metrics.probabilities(labels[rows], values[rows], prior),
        }

    def numbers(rows: np.ndarray) -> Numbers:
        here, there = of(rows, scores), of(rows, others)
        return {name: None if here[name] is None else here[name] - there[name] for name in COMPARED}

    sizes = {"videos": len(in_both), "videos_judged": len(both)}
    return sizes | with_intervals(numbers, both, seed)
