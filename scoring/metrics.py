"""Computes metrics from labels and scores, and their bootstrap intervals.

N videos; labels (N,) are 1 = FAKE, 0 = REAL; scores (N,) are p_fake in [0, 1]. A metric that is
undefined for the data, such as the AUC of a single class, is None.
"""

from collections.abc import Callable

import numpy as np
from scipy.stats import rankdata
from sklearn import metrics as sk

Interval = tuple[float, float]
Metrics = dict[str, float | None]

BINS = 15  # of p_fake, for the calibration error
BIASED = {"ece"}  # sampling noise increases it, and resampling adds noise
RECALLS = (0.1, 0.5, 0.9)  # at which the DFDC paper reports the weighted precision
MIN_SOURCES = 5  # with fewer, a bootstrap draws few different samples and there is no interval
REAL_WEIGHT = 100  # of a false positive in it: real videos are that much more frequent


def video_metrics(labels: np.ndarray, scores: np.ndarray, threshold: float) -> Metrics:
    """Return the metrics of `ranking`, `probabilities` and `calls`. The scores assume as many fakes
    as reals, and a video is called fake if its score is `threshold` or more."""
    return {
        **ranking(labels, scores),
        **probabilities(labels, scores),
        **calls(labels, (scores >= threshold).astype(int)),
    }


def auc(labels: np.ndarray, scores: np.ndarray) -> float | None:
    """Return the area under the ROC curve; None unless both classes occur. It is computed from
    ranks (Mann & Whitney 1947): 30 times as fast as from the curve, which the bootstrap needs."""
    fakes = int(np.count_nonzero(labels))
    pairs = fakes * (len(labels) - fakes)
    if not pairs:
        return None
    return float((rankdata(scores)[labels == 1].sum() - fakes * (fakes + 1) / 2) / pairs)


def ranking(labels: np.ndarray, scores: np.ndarray) -> Metrics:
    """Return the metrics that depend only on the order of scores; all are None for a single class.

    auc, average_precision
    eer: equal error rate, where the same share of reals is called fake as of fakes real
    tpr_at_1_fpr, tpr_at_0.1_fpr: share of fakes called fake when at most 1 % or 0.1 % of reals are
    weighted_precision_at_R: at recall R, for as many fakes as reals (Dolhansky et al. 2020, "The
        DeepFake Detection Challenge Dataset", which reports its logarithm)
    """
    names = ["auc", "average_precision", "eer", "tpr_at_1_fpr", "tpr_at_0.1_fpr"]
    names += [f"weighted_precision_at_{recall}" for recall in RECALLS]
    if len(np.unique(labels)) < 2:
        return dict.fromkeys(names)
    fpr, tpr, _ = sk.roc_curve(labels, scores, drop_intermediate=False)
    values = [
        auc(labels, scores),
        sk.average_precision_score(labels, scores),
        _equal_error(fpr, tpr),
    ]
    values += [tpr[fpr <= limit].max() for limit in (0.01, 0.001)]
    values += [_weighted_precision(tpr, fpr, recall) for recall in RECALLS]
    return dict(zip(names, map(float, values), strict=True))


def _equal_error(fpr: np.ndarray, tpr: np.ndarray) -> float:
    """Return the false positive rate at which the linearly interpolated ROC curve crosses the line
    tpr = 1 - fpr."""
    excess = fpr - (1 - tpr)  # rises from -1 to 1
    last = int(np.argmax(excess >= 0))
    step = excess[last] - excess[last - 1]
    return fpr[last] - (fpr[last] - fpr[last - 1]) * excess[last] / step


def _weighted_precision(tpr: np.ndarray, fpr: np.ndarray, recall: float) -> float:
    """Return TP / (TP + REAL_WEIGHT · FP) at the highest threshold with a recall of at least
    `recall`. `tpr` and `fpr`, the shares of fakes and of reals called fake from the highest
    threshold to the lowest, stand for TP and FP."""
    first = np.argmax(tpr >= recall)
    return tpr[first] / (tpr[first] + REAL_WEIGHT * fpr[first])


def probabilities(labels: np.ndarray, scores: np.ndarray, prior: float = 0.5) -> Metrics:
    """Return the metrics that treat scores as probabilities, which assume a share `prior` of fakes.

    log_loss: every video has the same weight
    balanced_log_loss, brier, ece (see `calibration_error`): the fakes have a total weight of
        `prior`, however many there are

    Both log losses use the natural logarithm of scores clipped to [1e-7, 1 - 1e-7].
    """
    p_correct = np.where(labels == 1, scores, 1 - scores)
    losses = -np.log(np.clip(p_correct, 1e-7, 1 - 1e-7))
    weight = weights(labels, prior)
    return {
        "log_loss": float(losses.mean()),
        "balanced_log_loss": float(weight @ losses),
        "brier": float(weight @ (scores - labels) ** 2),
        "ece": calibration_error(labels, scores, weight),
    }


def weights(labels: np.ndarray, prior: float) -> np.ndarray:
    """Return weights (N,) that sum to 1 and of which the fakes have a share `prior`; equal weights
    if there is only one class."""
    share = labels.mean()
    if share in (0, 1):
        return np.full(len(labels), 1 / len(labels))
    return np.where(labels == 1, prior / share, (1 - prior) / (1 - share)) / len(labels)


def calibration_error(labels: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> float:
    """Return the expected calibration error (Naeini et al. 2015): in each of BINS equally wide bins
    of p_fake, the absolute difference between the mean p_fake and the share of fakes, averaged over
    the bins. All means use `weights` (N,). With few videos the error is about 0.1 even if p_fake is
    perfectly calibrated."""
    bins = np.minimum((scores * BINS).astype(int), BINS - 1)
    return float(np.abs(np.bincount(bins, weights * (scores - labels), BINS)).sum())


def calls(labels: np.ndarray, called: np.ndarray) -> Metrics:
    """Return the metrics of the predicted labels `called` (N,): accuracy; precision, recall and f1
    of each class, such as precision_fake; and the four counts, such as real_called_fake. A class's
    precision is None if it was never predicted, its recall if it is missing."""
    is_correct = called == labels
    result: Metrics = {"accuracy": float(is_correct.mean())}
    for label, name in enumerate(("real", "fake")):
        correct = int(is_correct[labels == label].sum())
        count, called_so = int((labels == label).sum()), int((called == label).sum())
        result[f"precision_{name}"] = correct / called_so if called_so else None
        result[f"recall_{name}"] = correct / count if count else None
        result[f"f1_{name}"] = 2 * correct / (count + called_so) if count + called_so else 0.0
        for other, word in enumerate(("real", "fake")):
            result[f"{name}_called_{word}"] = int((called[labels == label] == other).sum())
    return result


def difference(first: float | None, second: float | None) -> float | None:
    """Return first - second, or None if either is None."""
    return None if first is None or second is None else first - second


def intervals(
    measure: Callable[[np.ndarray], Metrics],
    sources: np.ndarray,
    seed: int = 0,
    repetitions: int = 1000,
) -> dict[str, Interval | None]:
    """Return a 95 % percentile bootstrap interval (low, high), or None, for each metric.

    `measure` computes the metrics of an array of row numbers. A bootstrap resample draws sources
    (N,) with replacement (Efron & Tibshirani 1993), because videos of one source are not
    independent. For the metrics in BIASED, the lower end is the upper end mirrored at the metric's
    value, minus the bias of the resamples, and so rather too low than too high.

    An interval is None with fewer than MIN_SOURCES sources, if the metric is None in more than 10 %
    of the resamples, or if both ends are equal: ten sources without an error do not prove that the
    error rate is 0.
    """
    values = measure(np.arange(len(sources)))
    _, owners = np.unique(sources, return_inverse=True)
    ends_of_source = np.cumsum(np.bincount(owners))[:-1]
    rows_of_source = np.split(np.argsort(owners, kind="stable"), ends_of_source)
    count = len(rows_of_source)
    if count < MIN_SOURCES:
        return dict.fromkeys(values)
    random = np.random.default_rng(seed)
    draws = [
        measure(np.concatenate([rows_of_source[i] for i in random.integers(count, size=count)]))
        for _ in range(repetitions)
    ]
    ranges = {name: _percentile_interval([draw[name] for draw in draws]) for name in values}
    for name in BIASED & values.keys():
        ranges[name] = _without_bias(values[name], [draw[name] for draw in draws], ranges[name])
    return ranges


def _without_bias(
    value: float | None, draws: list[float | None], ends: Interval | None
) -> Interval | None:
    """Return the interval `ends` with its lower end replaced by the upper end mirrored at `value`,
    minus the bias of `draws`. Return None if there is no value or no interval."""
    if value is None or ends is None:
        return None
    high = max(value, ends[1])
    bias = float(np.mean([draw for draw in draws if draw is not None])) - value
    return min(value, max(0.0, 2 * value - high - bias)), high


def _percentile_interval(values: list[float | None]) -> Interval | None:
    known = [value for value in values if value is not None]
    if len(known) < 0.9 * len(values):
        return None
    low, high = np.percentile(known, [2.5, 97.5])
    return (float(low), float(high)) if low < high else None
