"""Pure functions: labels and scores in, numbers out.

N videos; labels are 1 = FAKE, 0 = REAL; scores are p_fake in [0, 1]. A number that the data
cannot give (an AUC of one class) is None.
"""

from collections.abc import Callable

import numpy as np
from sklearn.metrics import f1_score, log_loss, roc_auc_score
from sklearn.utils.class_weight import compute_sample_weight

Interval = tuple[float, float]


def auc(labels: np.ndarray, scores: np.ndarray) -> float | None:
    """Area under the ROC curve; None unless both classes are there."""
    if len(np.unique(labels)) < 2:
        return None
    return float(roc_auc_score(labels, scores))


def video_metrics(
    labels: np.ndarray, scores: np.ndarray, threshold: float
) -> dict[str, float | None]:
    """auc, log_loss, balanced_log_loss, accuracy, f1_real and f1_fake at `threshold`.

    The log loss takes the natural logarithm of scores that are kept off 0 and 1 by 1e-7; in the
    balanced one both classes weigh the same, however many videos they have.
    """
    kept = np.clip(scores, 1e-7, 1 - 1e-7)
    weights = compute_sample_weight("balanced", labels)
    called = (scores >= threshold).astype(int)
    f1 = f1_score(labels, called, labels=[0, 1], average=None, zero_division=0.0)
    return {
        "auc": auc(labels, scores),
        "log_loss": float(log_loss(labels, kept, labels=[0, 1])),
        "balanced_log_loss": float(log_loss(labels, kept, labels=[0, 1], sample_weight=weights)),
        "accuracy": float(np.mean(called == labels)),
        "f1_real": float(f1[0]),
        "f1_fake": float(f1[1]),
    }


def interval(
    metric: Callable[[np.ndarray, np.ndarray], float | None],
    labels: np.ndarray,
    scores: np.ndarray,
    sources: np.ndarray,
    seed: int = 0,
    repetitions: int = 1000,
) -> Interval | None:
    """95 % percentile bootstrap interval of `metric`, drawing *sources* with replacement
    (Efron & Tibshirani 1993): videos of one source are not independent.

    None when fewer than two sources are there or the metric is None too often to tell.
    """
    groups = [np.flatnonzero(sources == source) for source in np.unique(sources)]
    if len(groups) < 2:
        return None
    random = np.random.default_rng(seed)
    values = []
    for _ in range(repetitions):
        chosen = np.concatenate([groups[i] for i in random.integers(len(groups), size=len(groups))])
        value = metric(labels[chosen], scores[chosen])
        if value is not None:
            values.append(value)
    if len(values) < 0.9 * repetitions:
        return None
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)
