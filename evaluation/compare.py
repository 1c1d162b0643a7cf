"""Checkpoints and manifests in one table, and two checkpoints compared on the same videos."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from evaluation.measure import with_face, with_intervals
from scoring import metrics
from scoring.metrics import Metrics

JudgedVideos = dict[str, dict[str, pd.DataFrame]]  # checkpoint → manifest → a row for each video
POOLED = "all together"  # key of all manifests pooled; their p_fake must be comparable
COMPARED = ("auc", "balanced_log_loss", "brier")  # metrics in compare_checkpoints


def matrix(judged: JudgedVideos, prior: float, seed: int) -> dict[str, dict[str, Any]]:
    """Return checkpoint → manifest → AUC and balanced log loss with intervals, and the numbers of
    videos and sources. If there are several manifests, the key POOLED has the metrics of all their
    videos together."""
    return {
        checkpoint: {name: _cell(table, prior, seed) for name, table in _with_pool(tables).items()}
        for checkpoint, tables in judged.items()
    }


def _with_pool(tables: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    if len(tables) == 1:
        return tables
    return tables | {POOLED: pd.concat(tables.values(), ignore_index=True)}


def _cell(videos: pd.DataFrame, prior: float, seed: int) -> dict[str, Any]:
    with_faces = with_face(videos)
    labels, scores = with_faces["label"].to_numpy(), with_faces["p_fake"].to_numpy()
    sizes = {"videos": len(videos), "videos_judged": len(with_faces)}
    sizes["sources"] = int(with_faces["source"].nunique())
    return sizes | with_intervals(main_metrics(labels, scores, prior), with_faces, seed)


def main_metrics(
    labels: np.ndarray, scores: np.ndarray, prior: float
) -> Callable[[np.ndarray], Metrics]:
    """Return a function that maps row numbers (rows may repeat) to the AUC and the balanced log
    loss of these rows."""

    def metrics_of_rows(rows: np.ndarray) -> Metrics:
        loss = metrics.probabilities(labels[rows], scores[rows], prior)["balanced_log_loss"]
        return {"auc": metrics.auc(labels[rows], scores[rows]), "balanced_log_loss": loss}

    return metrics_of_rows


def tables_of_videos(judged: JudgedVideos) -> list[pd.DataFrame]:
    """Return the tables of all checkpoints and manifests, with the added columns `checkpoint` and
    `csv_file`."""
    return [
        table.assign(checkpoint=checkpoint, csv_file=name)
        for checkpoint, by_manifest in judged.items()
        for name, table in by_manifest.items()
    ]


def compare_with_first(judged: JudgedVideos, prior: float, seed: int) -> list[dict[str, Any]]:
    """Compare the first checkpoint with each of the others on each manifest. Return the entries of
    `comparisons` in metrics.json."""
    (first, first_tables), *others = judged.items()
    return [
        {
            "first": first,
            "other": other,
            "csv_file": name,
            **compare_checkpoints(first_tables[name], table, prior, seed),
        }
        for other, other_tables in others
        for name, table in other_tables.items()
    ]


def compare_checkpoints(
    first: pd.DataFrame, second: pd.DataFrame, prior: float, seed: int
) -> dict[str, Any]:
    """Return the difference `first` - `second` in each metric of COMPARED, with its bootstrap
    interval. p_fake is calibrated for a share `prior` of fakes.

    Only videos that have a p_fake in both tables are compared; the result has their number
    (`videos_judged`) and the number of videos that occur in both tables (`videos`). Each bootstrap
    resample draws the same groups of sources for both tables, so that differences in difficulty
    between videos cancel out.
    """
    columns = ["video_id", "label", "group", "p_fake"]
    in_both = first[columns].merge(
        second[["video_id", "p_fake"]], on="video_id", suffixes=("", "_other")
    )
    both = in_both.dropna(subset=["p_fake", "p_fake_other"])
    labels = both["label"].to_numpy()
    scores, others = both["p_fake"].to_numpy(), both["p_fake_other"].to_numpy()

    def metrics_of(rows: np.ndarray, values: np.ndarray) -> Metrics:
        return {
            "auc": metrics.auc(labels[rows], values[rows]),
            **metrics.probabilities(labels[rows], values[rows], prior),
        }

    def differences_of_rows(rows: np.ndarray) -> Metrics:
        ours, theirs = metrics_of(rows, scores), metrics_of(rows, others)
        return {name: metrics.difference(ours[name], theirs[name]) for name in COMPARED}

    sizes = {"videos": len(in_both), "videos_judged": len(both)}
    return sizes | with_intervals(differences_of_rows, both, seed)
