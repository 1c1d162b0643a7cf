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
EVEN_PRIOR = 0.5  # share of fakes that a stored rule's p_fake assumes
MIN_SCORE = 1e-12  # scores are clipped to [MIN_SCORE, 1 - MIN_SCORE] to keep their logits finite


@dataclass(frozen=True)
class DecisionRule(Record):
    """How clips' scores become one score, which probability it means, and where verdicts begin.

    Thresholds apply to the model's score: the rate of false alarms does not depend on the share of
    fakes, so a prior changes p_fake and no verdict.
    """

    aggregation: str = DEFAULT
    slope: float = 1.0  # of a score's logit; 1 / temperature
    offset: float = 0.0
    real_below: float = 0.5  # scores from here to fake_from are uncertain
    fake_from: float = 0.5
    prior: float = EVEN_PRIOR  # share of fakes that p_fake assumes
    fitted: str = ""  # how and on what data, in words; empty: p_fake is the model's score

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
            raise DataError("its decision rule is damaged or of another version")

    def p_fake(self, scores: np.ndarray) -> np.ndarray:
        """Convert the model's scores, in [0, 1], to probabilities."""
        clipped = np.clip(scores, MIN_SCORE, 1 - MIN_SCORE)
        return expit(self.slope * logit(clipped) + self.offset)

    def at_prior(self, prior: float) -> "DecisionRule":
        """Return the rule with p_fake for a share `prior` of fakes: the odds change by the ratio of
        the priors' odds (Saerens et al. 2002)."""
        shift = float(logit(prior) - logit(self.prior))
        return replace(self, offset=self.offset + shift, prior=prior)

    @property
    def p_fake_thresholds(self) -> tuple[float, float]:
        """real_below and fake_from as p_fake."""
        low, high = self.p_fake(np.array([self.real_below, self.fake_from]))
        return float(low), float(high)

    @property
    def single_threshold(self) -> float:
        """The score from which a video counts as fake where `uncertain` is not an option: the score
        at even odds, moved into the uncertain band if it lies outside."""
        even = expit((logit(self.prior) - self.offset) / self.slope)
        return float(np.clip(even, self.real_below, self.fake_from))

    def verdict(self, status: str, score: float | None) -> str:
        """Return the verdict for a status and a score. A status other than `ok` is the verdict
        itself, and has no score."""
        if status != "ok":
            assert score is None, "a video without a face must not have a score"
            return status
        assert score is not None
        if score >= self.fake_from:
            return "fake"
        return "real" if score < self.real_below else "uncertain"
