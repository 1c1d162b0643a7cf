"""Fits a decision rule (aggregation, calibration, thresholds) to the scores of validation videos.

N videos; labels are 1 = FAKE, 0 = REAL. Both classes have the same weight, so that p_fake
assumes as many fakes as reals (DecisionRule.at_prior changes that). Within a class, collections of
videos have the same weight. The rate of reals called fake holds in each of them, since no place
that a video may come from should be accused more often; that of fakes called real holds on average
over them, since the one whose fakes are found worst would make nearly every video uncertain.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.special import expit, logit
from sklearn.model_selection import StratifiedGroupKFold

from scoring.aggregate import BY_WORST_PERSON, ClipScore, all_scores
from scoring.decision_rule import MIN_SCORE, DecisionRule

CALIBRATIONS = ("temperature", "platt")  # fits the logit's slope; fits its slope and offset
FOLDS = 5  # of the cross-validation that chooses aggregation and calibration
# Of each class. With fewer, no error rate of one in ten can be promised, and a fit often makes
# p_fake worse than the model's own score (benchmarks/few_sources.py).
MIN_SOURCES = 9
# Distance, in log odds, of a threshold from the score of the validation video that it excludes: the
# same video on other hardware, or in another batch, gets a score that differs by less.
NOISE = 1e-3


class TooFewVideos(ValueError):
    """Raised if validation has too few sources of a class for a calibration or for the requested
    target. Its message completes the sentence "validation has …"."""


@dataclass(frozen=True)
class Videos:
    """Validation videos to fit a rule to, one entry per video."""

    labels: np.ndarray  # (N,) 0 or 1
    sources: np.ndarray  # (N,) names; videos of a source are not independent
    collections: np.ndarray  # (N,) names; all the same unless several manifests were joined

    def __getitem__(self, chosen: np.ndarray) -> "Videos":
        return Videos(self.labels[chosen], self.sources[chosen], self.collections[chosen])

    @property
    def weights(self) -> np.ndarray:
        """Return weights (N,) that sum to one half in each class, and to the same in each of its
        collections."""
        names, owners = np.unique(self.collections, return_inverse=True)
        counts = np.zeros((2, len(names)))
        np.add.at(counts, (self.labels, owners), 1)
        shares = 0.5 / (counts > 0).sum(axis=1)
        return shares[self.labels] / counts[self.labels, owners]

    def parts(self, label: int) -> list[tuple[str, np.ndarray]]:
        """Return each collection that has videos of a class, with a mask (N,) of them."""
        of_class = self.labels == label
        names = np.unique(self.collections[of_class])
        return [(str(name), of_class & (self.collections == name)) for name in names]


@dataclass(frozen=True)
class ErrorTarget:
    """The error rates that the thresholds must achieve, on the side of p_fake 0.5 that agrees with
    the verdict (see DecisionRule).

    With `error_rate`, at most this share of reals is called fake, and at most this share of fakes
    is called real. With `target_fpr`, which takes precedence, at most this share of reals is called
    fake, and a video is real if its p_fake is below 0.5. Scores in between are uncertain.
    """

    error_rate: float = 0.1
    target_fpr: float | None = None

    def __str__(self) -> str:
        if self.target_fpr is not None:
            return f"at most {self.target_fpr:.3g} of reals called fake"
        return f"at most {self.error_rate:.3g} of each class called the other"


def calibrate(
    videos: Videos,
    scores: dict[str, np.ndarray],
    target: ErrorTarget,
    changed: Sequence[dict[str, np.ndarray]] = (),
) -> DecisionRule:
    """Return a decision rule whose thresholds meet `target`, fitted to `scores` of N videos.

    `scores` has the videos' scores (N,) for each aggregation to choose from. Cross-validation
    chooses the aggregation and the calibration with the lowest balanced log loss on sources that
    were left out of the fit, the first of equal ones. `changed` has scores of the same videos after
    changes to their crops: outside the training range, the thresholds meet `target` after each of
    these, too. Raise TooFewVideos if a class has fewer than MIN_SOURCES sources, or too few for the
    target in one of its collections.
    """
    labels, sources = videos.labels, videos.sources
    counts = [len(np.unique(sources[labels == label])) for label in (0, 1)]
    if min(counts) < MIN_SOURCES:
        raise TooFewVideos(
            f"{counts[0]} sources of REAL and {counts[1]} of FAKE, but a calibration needs at "
            f"least {MIN_SOURCES} of each"
        )
    choices = [(name, kind) for name in scores for kind in CALIBRATIONS]
    folds = _folds(labels, sources)
    name, kind = min(choices, key=lambda c: _left_out_loss(videos, scores[c[0]], folds, c[1]))
    slope, offset = fit(videos, scores[name], kind)
    rule = DecisionRule(name, slope, offset)
    ends = [
        fit_thresholds(videos, known[name], target, rule.single_threshold)
        for known in (scores, *changed)
    ]
    low, high = ends[0]
    lows, highs = zip(*ends, strict=True)
    numbers = [int((labels == label).sum()) for label in (0, 1)]
    collections = len(np.unique(videos.collections))
    fitted = (
        f"{kind} on {numbers[0]} real and {numbers[1]} fake validation videos of {counts[0]} and "
        f"{counts[1]} sources{f' in {collections} collections' if collections > 1 else ''}; "
        f"{target}"
    )
    if collections > 1:
        fitted += " (reals in each collection, fakes on average)"
    if len(scores) == 1:
        fitted += f"; {name} as asked"
    outside = (min(lows), max(highs)) if changed else ()
    return replace(rule, real_below=low, fake_from=high, fitted=fitted, outside=outside)


def fit_after_epoch(
    clips: Sequence[ClipScore], labels: pd.Series, sources: pd.Series, collections: pd.Series
) -> DecisionRule:
    """Return the decision rule that training stores in a checkpoint, fitted to the scores of all
    validation clips; with too few sources, return the default rule, which is not calibrated.

    The series are indexed by video_id. Sources that share footage must have the same name in
    `sources`: training passes the group.
    """
    scores = all_scores(clips)[list(BY_WORST_PERSON)]
    try:
        return fit_decision_rule(scores, labels, sources, collections, ErrorTarget())
    except TooFewVideos:
        return DecisionRule()


def fit_decision_rule(
    scores: pd.DataFrame,
    labels: pd.Series,
    sources: pd.Series,
    collections: pd.Series,
    target: ErrorTarget,
    changed: Sequence[pd.DataFrame] = (),
) -> DecisionRule:
    """Return a decision rule that meets `target`, outside the training range also with the scores
    in each of `changed`.

    `scores` has a column for each aggregation to choose from, as aggregate.all_scores returns them.
    All tables are indexed by video_id. Raise TooFewVideos if there are too few sources.
    """
    by_name, *others = (
        {name: table.loc[scores.index, name].to_numpy() for name in scores}
        for table in (scores, *changed)
    )
    of_videos = (known[scores.index].to_numpy() for known in (labels, sources, collections))
    return calibrate(Videos(*of_videos), by_name, target, others)


def fit(videos: Videos, scores: np.ndarray, kind: str) -> tuple[float, float]:
    """Return the slope and the offset that calibrate the logits of `scores` (N,).

    `temperature` (Guo et al. 2017) fits the slope, with an offset of 0; `platt` (Platt 1999) fits
    both. Labels are smoothed as by Platt, or perfectly separated scores would all become certain.
    Both classes are smoothed by the amount for the smaller one: otherwise the offset would move
    towards the larger one.
    """
    z = logit(np.clip(scores, MIN_SCORE, 1 - MIN_SCORE))
    counts = np.bincount(videos.labels, minlength=2)
    smoothing = 1 / (counts.min() + 2)
    targets = np.where(videos.labels == 1, 1 - smoothing, smoothing)
    weights = videos.weights

    def loss(at: np.ndarray) -> tuple[float, np.ndarray]:
        logits = at[0] * z + (at[1] if kind == "platt" else 0)
        error = weights * (expit(logits) - targets)
        value = weights @ (np.logaddexp(0, logits) - targets * logits)
        return value, np.array([error @ z, error.sum() if kind == "platt" else 0])

    # The lower bound of the slope keeps the order of scores: a negative slope would reverse it.
    optimum = minimize(loss, [1.0, 0.0], jac=True, bounds=[(1e-3, None), (None, None)])
    return float(optimum.x[0]), float(optimum.x[1])


def _folds(labels: np.ndarray, sources: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the row numbers to fit on and those to test on, for each of FOLDS folds. All videos of
    a source are in the same fold. A fold that would fit on a single class is left out."""
    split = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0).split(labels, labels, sources)
    return [(a, b) for a, b in split if len(np.unique(labels[a])) == 2]


def _left_out_loss(videos: Videos, scores: np.ndarray, folds: list, kind: str) -> float:
    """Return the balanced log loss of each fold's test videos after a fit on its other videos."""
    total, weights = 0.0, videos.weights
    for fitted, left_out in folds:
        slope, offset = fit(videos[fitted], scores[fitted], kind)
        p_correct = DecisionRule(slope=slope, offset=offset).p_fake(scores[left_out])
        p_correct = np.where(videos.labels[left_out] == 1, p_correct, 1 - p_correct)
        total -= weights[left_out] @ np.log(np.clip(p_correct, MIN_SCORE, 1))
    return total


def fit_thresholds(
    videos: Videos, scores: np.ndarray, target: ErrorTarget, even: float
) -> tuple[float, float]:
    """Return the thresholds real_below and fake_from, such that the target's rates hold for a video
    of a new source: of reals in every collection, of fakes on average over the collections; on
    average over validation sets and for any distribution of scores.

    This is split conformal prediction (Vovk et al. 2005) with sources as the exchangeable units
    (Dunn et al. 2023). `even` is the score at p_fake 0.5, and between the two: if a rate would
    allow a threshold on its other side, the threshold is `even`. Raise TooFewVideos if a rate needs
    more sources.
    """
    rate = target.error_rate if target.target_fpr is None else target.target_fpr
    limits = [
        _upper_quantile(videos, scores, [at], rate, f"REAL in {name}" if name else "REAL")
        for name, at in videos.parts(0)
    ]
    high = _just_above(max(limits))
    if target.target_fpr is not None:
        return even, max(high, even)
    fakes = [at for _, at in videos.parts(1)]
    low = 1 - _just_above(_upper_quantile(videos, 1 - scores, fakes, rate, "FAKE"))
    return min(low, even), max(high, even)


def _just_above(score: float) -> float:
    """Return a threshold that `score` does not reach: NOISE above it in log odds."""
    clipped = np.clip(score, MIN_SCORE, 1 - MIN_SCORE)
    return float(max(expit(logit(clipped) + NOISE), np.nextafter(score, 2)))


def _upper_quantile(
    videos: Videos, values: np.ndarray, parts: Sequence[np.ndarray], rate: float, name: str
) -> float:
    """Return the value that a video of a new source exceeds with a probability of at most `rate`,
    if it is from any of `parts` with equal probability.

    `parts` are masks (N,), of which every one, and in it every source, has the same weight; the new
    source counts as exceeding all values. Raise TooFewVideos if there are too few sources for the
    rate; `name` is that of the parts, for the message.
    """
    weights, sizes = np.zeros(len(values)), []
    for part in parts:
        _, owners, counts = np.unique(videos.sources[part], return_inverse=True, return_counts=True)
        weights[part] = 1 / counts[owners] / (len(counts) + 1) / len(parts)
        sizes.append(len(counts))
    order = np.argsort(values)
    order = order[weights[order] > 0]
    position = int(np.searchsorted(np.cumsum(weights[order]), 1 - rate - 1e-9))
    if position == len(order):
        needed = math.ceil(1 / rate - 1e-9) - 1
        if len(parts) > 1:
            raise TooFewVideos(
                f"{', '.join(map(str, sizes))} sources of {name} in its collections, but a rate of "
                f"{rate:g} needs more; {needed} in each are enough"
            )
        raise TooFewVideos(
            f"{sizes[0]} sources of {name}, but a rate of {rate:g} needs at least {needed}"
        )
    return float(values[order[position]])
