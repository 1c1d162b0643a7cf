"""Metrics of the validation videos after an epoch, overall and for each collection."""

from collections.abc import Iterable, Mapping
from statistics import fmean

import numpy as np

from scoring import metrics
from scoring.aggregate import ClipScore, video_scores
from training import health_checks

THRESHOLD = 0.5  # score from which the validation accuracy counts a video as fake
# Column of history.csv → name of the metric.
COLUMNS = {"val_loss": "balanced_log_loss", "val_acc": "accuracy", "val_auc": "auc"}
F1 = {"val_f1 REAL": "f1_real", "val_f1 FAKE": "f1_fake"}

Row = dict[str, float | None]


def validation_metrics(clips: Iterable[ClipScore], labels: Mapping[str, int]) -> tuple[Row, Row]:
    """Return the values of COLUMNS and of F1 for the videos in `labels`, video_id → label. A
    video's score is the default aggregation of its clips' scores. Raise PipelineError if a score is
    not finite."""
    scores = _finite_scores(clips, labels)
    row = _measure(sorted(labels), labels, scores)
    return {name: row[name] for name in COLUMNS}, {name: row[name] for name in F1}


def by_collection(
    clips: Iterable[ClipScore], labels: Mapping[str, int], collections: Mapping[str, str]
) -> tuple[Row, Row]:
    """Return the values of COLUMNS as means over the collections of videos, each with the same
    weight, and, beside the means of F1, those of every collection, named such as "val_auc dfdc". A
    mean leaves out collections where a metric is undefined, such as the AUC of reals alone.
    `collections` maps video_id to the name of its collection; otherwise as `validation_metrics`."""
    scores = _finite_scores(clips, labels)
    videos_of: dict[str, list[str]] = {}
    for video in sorted(labels):
        videos_of.setdefault(collections[video], []).append(video)
    rows = {name: _measure(videos, labels, scores) for name, videos in sorted(videos_of.items())}
    means: Row = {}
    for column in COLUMNS | F1:
        known = [value for row in rows.values() if (value := row[column]) is not None]
        means[column] = fmean(known) if known else None
    single = {f"{column} {name}": row[column] for name, row in rows.items() for column in COLUMNS}
    f1 = {name: means.pop(name) for name in F1}
    return means, f1 | single


def _finite_scores(clips: Iterable[ClipScore], labels: Mapping[str, int]) -> dict[str, float]:
    scores = video_scores(clips)
    assert set(scores) == set(labels), "every video with an item has a score"
    health_checks.check_scores(scores.values())
    return scores


def _measure(videos: list[str], labels: Mapping[str, int], scores: Mapping[str, float]) -> Row:
    measured = metrics.video_metrics(
        np.array([labels[video] for video in videos]),
        np.array([scores[video] for video in videos]),
        THRESHOLD,
    )
    return {column: measured[name] for column, name in (COLUMNS | F1).items()}
