"""Pure functions: labels and scores in, numbers out.

N videos; labels are 1 = FAKE, 0 = REAL; scores are p_fake in [0, 1]. A number that the data
cannot give (an AUC of one class) is None.
"""

from collections.abc import Callable

import numpy as np
from scipy.stats import rankdata
from sklearn import metrics as sk

Interval = tuple[float, float]
Numbers = dict[str, float | None]

BINS = 15  # of p_fake, for the calibration error
BIASED = {"ece"}  # chance makes it larger, and a draw of chance larger still
RECALLS = (0.1, 0.5, 0.9)  # at which the DFDC paper gives the weighted precision
REAL_WEIGHT = 100  # of a false alarm in it: real videos are that much more frequent in use


def video_metrics(labels: np.ndarray, scores: np.ndarray, threshold: float) -> Numbers:
    """Everything that is known about N scores, which stand for as many fakes as reals; `threshold`
    is that from which a video is fake."""
    return {
        **ranking(labels, scores),
        **probabilities(labels, scores),
        **calls(labels, (scores >= threshold).astype(int)),
    }


def auc(labels: np.ndarray, scores: np.ndarray) -> float | None:
    """Area under the ROC curve, by ranks (Mann & Whitney 1947): thirty times as fast as the curve,
    for bootstraps. None unless both classes are there."""
    fakes = int(np.count_nonzero(labels))
    pairs = fakes * (len(labels) - fakes)
    if not pairs:
        return None
    return float((rankdata(scores)[labels == 1].sum() - fakes * (fakes + 1) / 2) / pairs)


def ranking(labels: np.ndarray, scores: np.ndarray) -> Numbers:
    """What depends on the order of scores alone.

    auc, average_precision; eer: where as many reals are called fake as fakes real; tpr_at_1_fpr
    and tpr_at_0.1_fpr: share of fakes found while at most 1 % and 0.1 % of reals are called
    fake; weighted_precision_at_R at the recall R (Dolhansky et al. 2020, "The DeepFake Detection
    Challenge Dataset", which gives its logarithm) for as many fakes as reals, as there.
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
    """Where the line between points of the ROC curve crosses the falling diagonal."""
    excess = fpr - (1 - tpr)  # rises from -1 to 1
    last = int(np.argmax(excess >= 0))
    step = excess[last] - excess[last - 1]
    return fpr[last] - (fpr[last] - fpr[last - 1]) * excess[last] / step


def _weighted_precision(tpr: np.ndarray, fpr: np.ndarray, recall: float) -> float:
    """TP / (TP + REAL_WEIGHT · FP) at the highest threshold with that recall, of the shares of
    fakes and of reals called fake by falling threshold."""
    first = np.argmax(tpr >= recall)
    return tpr[first] / (tpr[first] + REAL_WEIGHT * fpr[first])


def probabilities(labels: np.ndarray, scores: np.ndarray, prior: float = 0.5) -> Numbers:
    """What takes scores for probabilities, which stand for a share `prior` of fakes.

    log_loss: of scores that are kept off 0 and 1 by 1e-7, natural logarithm, over the videos as
    they are. In all others the classes weigh what the prior gives them, however many videos they
    have: balanced_log_loss; brier; ece, see `calibration_error`.
    """
    right = np.where(labels == 1, scores, 1 - scores)
    losses = -np.log(np.clip(right, 1e-7, 1 - 1e-7))
    shares = weights(labels, prior)
    return {
        "log_loss": float(losses.mean()),
        "balanced_log_loss": float(shares @ losses),
        "brier": float(shares @ (scores - labels) ** 2),
        "ece": calibration_error(labels, scores, shares),
    }


def weights(labels: np.ndarray, prior: float) -> np.ndarray:
    """(N,) with a sum of 1, by which fakes make up a share `prior`; all the same for one class."""
    share = labels.mean()
    if share in (0, 1):
        return np.full(len(labels), 1 / len(labels))
    return np.where(labels == 1, prior / share, (1 - prior) / (1 - share)) / len(labels)


def calibration_error(labels: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> float:
    """Expected calibration error (Naeini et al. 2015): how far the share of fakes in a bin of
    p_fake is from the mean p_fake, over BINS equal bins, by the weight of their videos. A few
    videos show one of 0.1 even where every p_fake is right."""
    bins = np.minimum((scores * BINS).astype(int), BINS - 1)
    return float(np.abs(np.bincount(bins, weights * (scores - labels), BINS)).sum())


def calls(labels: np.ndarray, called: np.ndarray) -> Numbers:
    """accuracy, and of each class precision, recall, f1 and the four counts real_called_fake and
    so on. A precision of nothing called is None, the recall of a class that is not there too."""
    right = called == labels
    found: Numbers = {"accuracy": float(right.mean())}
    for label, name in enumerate(("real", "fake")):
        hits = int(right[labels == label].sum())
        there, said = int((labels == label).sum()), int((called == label).sum())
        found[f"precision_{name}"] = hits / said if said else None
        found[f"recall_{name}"] = hits / there if there else None
        found[f"f1_{name}"] = 2 * hits / (there + said) if there + said else 0.0
        for other, word in enumerate(("real", "fake")):
            found[f"{name}_called_{word}"] = int((called[labels == label] == other).sum())
    return found


def intervals(
    measure: Callable[[np.ndarray], Numbers],
    sources: np.ndarray,
    seed: int = 0,
    repetitions: int = 1000,
) -> dict[str, Interval | None]:
    """95 % percentile bootstrap intervals of the numbers that `measure` makes of row numbers,
    drawing *sources* (N,) with replacement (Efron & Tibshirani 1993): videos of one source are
    not independent. Of BIASED ones the lower end is mirrored at the number and moved down by the
    draws' bias, so that it is rather too low.

    None when fewer than two sources are there, where a number is None too often to tell, or where
    all draws give the same: ten sources without a mistake do not prove that there is none.
    """
    names = measure(np.arange(len(sources)))
    _, owners = np.unique(sources, return_inverse=True)
    groups = np.split(np.argsort(owners, kind="stable"), np.cumsum(np.bincount(owners))[:-1])
    if len(groups) < 2:
        return dict.fromkeys(names)
    random = np.random.default_rng(seed)
    draws = [
        measure(np.concatenate([groups[i] for i in random.integers(len(groups), size=len(groups))]))
        for _ in range(repetitions)
    ]
    found = {name: _middle([draw[name] for draw in draws]) for name in names}
    for name in BIASED & {name for name, ends in found.items() if ends}:
        value, high = names[name], max(names[name], found[name][1])
        bias = float(np.mean([draw[name] for draw in draws])) - value
        found[name] = min(value, max(0.0, 2 * value - high - bias)), high
    return found


def _middle(values: list[float | None]) -> Interval | None:
    known = [value for value in values if value is not None]
    if len(known) < 0.9 * len(values):
        return None
    low, high = np.percentile(known, [2.5, 97.5])
    return (float(low), float(high)) if low < high else None
