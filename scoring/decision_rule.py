"""The decision rule: turns a model's scores into probabilities and verdicts.

scoring/calibrate.py fits it on validation data, and the checkpoint stores it.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import expit, logit

from common.errors import DataError
from common.preprocessing import Record
from scoring.aggregate import AGGREGATIONS, DEFAULT

VERDICTS = ("real", "fake", "uncertain", "no_face", "unreadable")
EVEN_PRIOR = 0.5  # share of fakes that p_fake assumes in a stored rule
MIN_SCORE = 1e-12  # scores are clipped to [MIN_SCORE, 1 - MIN_SCORE] to keep their logits finite


@dataclass(frozen=True)
class DecisionRule(Record):
    """The settings that turn the scores of a video's clips into a score, p_fake and a verdict.

    The thresholds apply to the score, not to p_fake: the rate of false alarms does not depend on
    the share of fakes, so another prior changes p_fake but no verdict.
    """

    aggregation: str = DEFAULT  # a name in AGGREGATIONS
    slope: float = 1.0  # logit(p_fake) = slope * logit(score) + offset
    offset: float = 0.0
    real_below: float = 0.5  # a lower score is real; scores from here to fake_from are uncertain
    fake_from: float = 0.5  # this score or a higher one is fake
    prior: float = EVEN_PRIOR  # share of fakes that p_fake assumes
    fitted: str = ""  # how and on what data it was fitted, in words; empty: not fitted

    def __post_init__(self) -> None:
        """Raise DataError for values that no fit could have produced."""
        values = (self.slope, self.offset, self.real_below, self.fake_from, self.prior)
        if (
            self.aggregation not in AGGREGATIONS
            or not all(isinstance(v, int | float) and math.isfinite(v) for v in values)
            or not isinstance(self.fitted, str)
            or self.slope <= 0
            or self.real_below > self.fake_from
            or not 0 < self.prior < 1
        ):
            raise DataError("its decision rule is damaged or was written by another version")

    def p_fake(self, scores: np.ndarray) -> np.ndarray:
        """Return p_fake for the model's `scores`, in [0, 1] and of any shape."""
        clipped = np.clip(scores, MIN_SCORE, 1 - MIN_SCORE)
        return expit(self.slope * logit(clipped) + self.offset)

    def at_prior(self, prior: float) -> "DecisionRule":
        """Return a copy of the rule whose p_fake assumes a share `prior` of fakes.

        The odds of p_fake are multiplied by the odds of `prior` and divided by the odds of the
        rule's current prior (Saerens et al. 2002). Verdicts stay the same.
        """
        shift = float(logit(prior) - logit(self.prior))
        return replace(self, offset=self.offset + shift, prior=prior)

    @property
    def p_fake_thresholds(self) -> tuple[float, float]:
        """real_below and fake_from, converted from scores to p_fake."""
        low, high = self.p_fake(np.array([self.real_below, self.fake_from]))
        return float(low), float(high)

    @property
    def single_threshold(self) -> float:
        """The score from which a video counts as fake if no verdict may be `uncertain`.

        It is the score at which p_fake is the prior, or the nearest end of the uncertain band if it
        lies outside. It is the same for every prior.
        """
        even = expit((logit(self.prior) - self.offset) / self.slope)
        return float(np.clip(even, self.real_below, self.fake_from))

    def verdict(self, status: str, score: float | None) -> str:
        """Return the verdict on a video. A status other than `ok` is itself the verdict; `score`
        must then be None."""
        if status != "ok":
            assert score is None, "only a video with the status ok has a score"
            return status
        assert score is not None
        if score >= self.fake_from:
            return "fake"
        return "real" if score < self.real_below else "uncertain"
