"""Validation's scores → a judgement: aggregation, calibration and thresholds.

N videos; labels are 1 = FAKE, 0 = REAL. Both classes weigh the same, so that probabilities stand
for as many fakes as reals (Judgement.at_prior moves them).
"""

import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.special import expit, logit
from sklearn.model_selection import StratifiedGroupKFold

from scoring.aggregate import BY_WORST_PERSON, ClipScore, all_scores
from scoring.decision_rule import EDGE, Judgement

KINDS = ("temperature", "platt")  # the logit's slope; slope and offset
FOLDS = 5


class TooFew(ValueError):
    """Validation has too few videos of a class for what was asked."""


@dataclass(frozen=True)
class Rule:
    """Where verdicts turn. `target_fpr`: one threshold, above which at most that share of reals
    lies. `error_rate`: two, so that at most that share of reals is called fake and of fakes real;
    between them lies what is uncertain. Neither: one threshold, where p_fake is a half."""

    error_rate: float | None = None
    target_fpr: float | None = None

    def __str__(self) -> str:
        if self.target_fpr is None and self.error_rate is None:
            return "fake from p_fake 0.5 on"
        if self.target_fpr is not None:
            return f"at most {self.target_fpr:.3g} of reals called fake"
        return f"at most {self.error_rate:.3g} of each class called the other"


# Where nothing else is asked: the second where validation is too small for the first.
USUAL = (Rule(error_rate=0.1), Rule())


def calibrate(
    labels: np.ndarray, scores: dict[str, np.ndarray], sources: np.ndarray, rule: Rule
) -> Judgement:
    """`scores` are the model's, N by every aggregation. Aggregation and kind are those with the
    lowest balanced log loss on sources (N,) that were kept out of the fit; of equals the first.

    Raise TooFew when a class is missing, or too small for the rule.
    """
    counts = [int((labels == label).sum()) for label in (0, 1)]
    if not all(counts):
        raise TooFew(f"{counts[0]} REAL and {counts[1]} FAKE")
    choices = [(name, kind) for name in scores for kind in KINDS]
    folds = _folds(labels, sources)
    name, kind = min(choices, key=lambda c: _left_out_loss(labels, scores[c[0]], folds, c[1]))
    slope, offset = fit(labels, scores[name], kind)
    neither = float(expit(-offset / slope))
    low, high = thresholds(labels, scores[name], sources, rule, neither)
    fitted = f"{kind} on {counts[0]} real and {counts[1]} fake validation videos; {rule}"
    if len(scores) == 1:
        fitted += f"; {name} as asked"
    return Judgement(name, slope, offset, low, high, fitted=fitted)


def of_validation(clips: Sequence[ClipScore], labels: pd.Series, sources: pd.Series) -> Judgement:
    """What training stores in every checkpoint: `labels` and `sources` (those that hang together
    under one name) by video_id. With one class nothing is fitted."""
    scores = all_scores(clips)[list(BY_WORST_PERSON)]
    try:
        return of_scores(scores, labels, sources, USUAL)
    except TooFew:
        return Judgement()


def of_scores(
    scores: pd.DataFrame, labels: pd.Series, sources: pd.Series, rules: Sequence[Rule]
) -> Judgement:
    """`calibrate` on what aggregate.all_scores gives, or some columns of it, by the first rule that
    there are enough videos for; `labels` and `sources` by video_id. Raise TooFew without one."""
    by_name = {name: scores[name].to_numpy() for name in scores}
    known = labels[scores.index].to_numpy(), by_name, sources[scores.index].to_numpy()
    *others, last = rules
    for rule in others:
        with suppress(TooFew):
            return calibrate(*known, rule)
    return calibrate(*known, last)


def fit(labels: np.ndarray, scores: np.ndarray, kind: str) -> tuple[float, float]:
    """Slope and offset of the scores' logits, after Guo et al. 2017 (temperature) or Platt 1999,
    whose smoothed targets keep a perfect separation from making every score certain. Both classes
    are smoothed as the smaller one: otherwise the offset would move towards the larger."""
    z = logit(np.clip(scores, EDGE, 1 - EDGE))
    counts = np.bincount(labels, minlength=2)
    softness = 1 / (counts.min() + 2)
    targets = np.where(labels == 1, 1 - softness, softness)
    weights = 0.5 / counts[labels]

    def loss(at: np.ndarray) -> tuple[float, np.ndarray]:
        logits = at[0] * z + (at[1] if kind == "platt" else 0)
        error = weights * (expit(logits) - targets)
        value = weights @ (np.logaddexp(0, logits) - targets * logits)
        return value, np.array([error @ z, error.sum() if kind == "platt" else 0])

    # A slope that is not positive would turn the order of scores around.
    found = minimize(loss, [1.0, 0.0], jac=True, bounds=[(1e-3, None), (None, None)])
    return float(found.x[0]), float(found.x[1])


def _folds(labels: np.ndarray, sources: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Row numbers to fit on and to judge by; none where a class is in one source alone."""
    per_class = [len(np.unique(sources[labels == label])) for label in (0, 1)]
    count = min(FOLDS, *per_class)
    if count < 2:
        return []
    split = StratifiedGroupKFold(count, shuffle=True, random_state=0).split(labels, labels, sources)
    return [(a, b) for a, b in split if len(np.unique(labels[a])) == 2]


def _left_out_loss(labels: np.ndarray, scores: np.ndarray, folds: list, kind: str) -> float:
    total = np.zeros(2)
    for inside, outside in folds:
        slope, offset = fit(labels[inside], scores[inside], kind)
        right = Judgement(slope=slope, offset=offset).p_fake(scores[outside])
        right = np.where(labels[outside] == 1, right, 1 - right)
        total += np.bincount(labels[outside], -np.log(np.clip(right, EDGE, 1)), 2)
    return float((total / np.bincount(labels, minlength=2)).mean())


def thresholds(
    labels: np.ndarray, scores: np.ndarray, sources: np.ndarray, rule: Rule, neither: float
) -> tuple[float, float]:
    """real_below and fake_from that keep the rule's promise for a video of a new source on average
    over validation sets, whatever the distribution (split conformal prediction, Vovk et al. 2005,
    with sources as what can be exchanged, Dunn et al. 2023). Where one threshold can keep both, it
    is the one nearest to `neither`. Raise TooFew where the rate asks for more sources."""
    if rule.target_fpr is None and rule.error_rate is None:
        return neither, neither
    rate = rule.error_rate if rule.target_fpr is None else rule.target_fpr
    real, fake = labels == 0, labels == 1
    high = float(np.nextafter(_exceeded_by(scores[real], sources[real], rate, "REAL"), 2))
    if rule.target_fpr is not None:
        return high, high
    low = -_exceeded_by(-scores[fake], sources[fake], rate, "FAKE")
    if low >= high:
        low = high = float(np.clip(neither, high, low))
    return low, high


def _exceeded_by(values: np.ndarray, sources: np.ndarray, rate: float, name: str) -> float:
    """The value that a share `rate` of new sources' videos exceeds at most: every source weighs the
    same, and the one to come is beyond all."""
    _, owners, counts = np.unique(sources, return_inverse=True, return_counts=True)
    order = np.argsort(values)
    below = np.cumsum(1 / counts[owners[order]]) / (len(counts) + 1)
    place = int(np.searchsorted(below, 1 - rate - 1e-9))
    if place == len(values):
        needed = math.ceil(1 / rate - 1e-9) - 1
        raise TooFew(f"{len(counts)} sources of {name}, and a rate of {rate:g} takes {needed}")
    return float(values[order[place]])
