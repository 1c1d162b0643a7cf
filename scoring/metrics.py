"""Pure functions from labels and scores to metrics.

N videos; labels are 1 = FAKE, 0 = REAL; scores are p_fake in [0, 1]. A metric that the data cannot
give, such as the AUC of a single class, is None.
"""

from collections.abc import Callable

import numpy as np
from scipy.stats import rankdata
from sklearn import metrics as sk

Interval = tuple[float, float]
Metrics = dict[str, float | None]

BINS = 15  # of p_fake, for the calibration error
BIASED = {"ece"}  # chance increases it, and resampling increases it further
RECALLS = (0.1, 0.5, 0.9)  # at which the DFDC paper states the weighted precision
REAL_WEIGHT = 100  # of a false alarm in it, because real videos are that much more frequent


def video_metrics(labels: np.ndarray, scores: np.ndarray, threshold: float) -> Metrics:
    """Return all metrics of N scores that assume as many fakes as reals; a video is fake from
    `threshold` on."""
    return {
        **ranking(labels, scores),
        **probabilities(labels, scores),
        **calls(labels, (scores >= threshold).astype(int)),
    }


def auc(labels: np.ndarray, scores: np.ndarray) -> float | None:
    """Return the area under the ROC curve, from ranks (Mann & Whitney 1947): 30 times as fast as
    from the curve, for bootstraps. None unless both classes occur."""
    fakes = int(np.count_nonzero(labels))
    pairs = fakes * (len(labels) - fakes)
    if not pairs:
        return None
    return float((rankdata(scores)[labels == 1].sum() - fakes * (fakes + 1) / 2) / pairs)


def ranking(labels: np.ndarray, scores: np.ndarray) -> Metrics:
    """Return the metrics that depend only on the order of scores.

    auc, average_precision; eer: the error rate where as many reals are called fake as fakes real;
    tpr_at_1_fpr and tpr_at_0.1_fpr: share of fakes found while at most 1 % and 0.1 % of reals are
    called fake; weighted_precision_at_R at the recall R for as many fakes as reals (Dolhansky et
    al. 2020, "The DeepFake Detection Challenge Dataset", which states its logarithm).
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
    """Return where the ROC curve, interpolated linearly, crosses the falling diagonal."""
    excess = fpr - (1 - tpr)  # rises from -1 to 1
    last = int(np.argmax(excess >= 0))
    step = excess[last] - excess[last - 1]
    return fpr[last] - (fpr[last] - fpr[last - 1]) * excess[last] / step


def _weighted_precision(tpr: np.ndarray, fpr: np.ndarray, recall: float) -> float:
    """Return TP / (TP + REAL_WEIGHT · FP) at the highest threshold with that recall. `tpr` and
    `fpr` are the shares of fakes and of reals called fake, by falling threshold."""
    first = np.argmax(tpr >= recall)
    return tpr[first] / (tpr[first] + REAL_WEIGHT * fpr[first])


def probabilities(labels: np.ndarray, scores: np.ndarray, prior: float = 0.5) -> Metrics:
    """Return the metrics that take scores as probabilities for a share `prior` of fakes.

    log_loss: over the videos as they are, natural logarithm, scores clipped to [1e-7, 1 - 1e-7]. In
    all others the classes have the weights that the prior gives them, whatever their numbers:
    balanced_log_loss; brier; ece, see `calibration_error`.
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
    """Return weights (N,) with a sum of 1 by which fakes have a share `prior`; equal weights for a
    single class."""
    share = labels.mean()
    if share in (0, 1):
        return np.full(len(labels), 1 / len(labels))
    return np.where(labels == 1, prior / share, (1 - prior) / (1 - share)) / len(labels)


def calibration_error(labels: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> float:
    """Return the expected calibration error (Naeini et al. 2015): the distance of the share of
    fakes in a bin of p_fake from the mean p_fake, over BINS equal bins, weighted. With few videos
    it is about 0.1 even if every p_fake is right."""
    bins = np.minimum((scores * BINS).astype(int), BINS - 1)
    return float(np.abs(np.bincount(bins, weights * (scores - labels), BINS)).sum())


def calls(labels: np.ndarray, called: np.ndarray) -> Metrics:
    """Return accuracy, and for each class precision, recall, f1 and the four counts such as
    real_called_fake. Precision is None if nothing was called so, recall if the class is missing."""
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
    """Return first - second; None if one of them is."""
    return None if first is None or second is None else first - second


def intervals(
    measure: Callable[[np.ndarray], Metrics],
    sources: np.ndarray,
    seed: int = 0,
    repetitions: int = 1000,
) -> dict[str, Interval | None]:
    """Return 95 % percentile bootstrap intervals of the metrics that `measure` computes for row
    numbers.

    Sources (N,) are drawn with replacement (Efron & Tibshirani 1993), because videos of one source
    are not independent. For the metrics in BIASED, the lower end is mirrored at the value and moved
    down by the bias of the draws, so that it is rather too low. An interval is None with fewer than
    two sources, if the metric is None in too many draws, or if all draws give the same value: ten
    sources without an error do not prove that there is none.
    """
    values = measure(np.arange(len(sources)))
    _, owners = np.unique(sources, return_inverse=True)
    ends_of_source = np.cumsum(np.bincount(owners))[:-1]
    rows_of_source = np.split(np.argsort(owners, kind="stable"), ends_of_source)
    count = len(rows_of_source)
    if count < 2:
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
    """Mirror the interval's lower end at the value and move it down by the bias of the draws."""
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
