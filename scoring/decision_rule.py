"""What turns a model's scores into verdicts: how a video's number is made of its clips', which
probability that means, and from where on it is a verdict. Fitted by scoring/calibrate.py on
validation alone, stored in the checkpoint."""

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import expit, logit

from common.errors import DataError
from common.preprocessing import Record
from scoring.aggregate import AGGREGATIONS, FIRST

VERDICTS = ("real", "fake", "uncertain", "no_face", "unreadable")
EVEN = 0.5  # the share of fakes that stored numbers stand for
EDGE = 1e-12  # scores are kept off 0 and 1 by this, so that their logits are finite


@dataclass(frozen=True)
class Judgement(Record):
    """Thresholds are of the model's score: how many reals are called fake does not depend on how
    many fakes there are, so a prior moves p_fake and no verdict."""

    aggregation: str = FIRST
    slope: float = 1.0  # of a score's logit; 1 / temperature
    offset: float = 0.0
    real_below: float = 0.5
    fake_from: float = 0.5  # between the two: uncertain
    prior: float = EVEN  # share of fakes that p_fake stands for
    fitted: str = ""  # on what and how, in words; empty: p_fake is the model's own score

    def __post_init__(self) -> None:
        """Raise DataError for what another version knew, or nobody could have fitted."""
        numbers = (self.slope, self.offset, self.real_below, self.fake_from, self.prior)
        if (
            self.aggregation not in AGGREGATIONS
            or not all(isinstance(n, int | float) and math.isfinite(n) for n in numbers)
            or not isinstance(self.fitted, str)
            or self.slope <= 0
            or self.real_below > self.fake_from
            or not 0 < self.prior < 1
        ):
            raise DataError("its judgement is damaged or of another version")

    def p_fake(self, scores: np.ndarray) -> np.ndarray:
        """The model's scores, in [0, 1] → probabilities."""
        return expit(self.slope * logit(np.clip(scores, EDGE, 1 - EDGE)) + self.offset)

    def at_prior(self, prior: float) -> "Judgement":
        """With p_fake for a share `prior` of fakes: odds change by the ratio of the priors' odds
        (Saerens et al. 2002)."""
        shift = float(logit(prior) - logit(self.prior))
        return replace(self, offset=self.offset + shift, prior=prior)

    @property
    def turns(self) -> tuple[float, float]:
        """real_below and fake_from as p_fake."""
        low, high = self.p_fake(np.array([self.real_below, self.fake_from]))
        return float(low), float(high)

    @property
    def threshold(self) -> float:
        """The score from which a video counts as fake where there must be an answer: that which
        speaks for neither, or the end of the uncertain band that is nearest to it."""
        neither = expit((logit(self.prior) - self.offset) / self.slope)
        return float(np.clip(neither, self.real_below, self.fake_from))

    def verdict(self, status: str, score: float | None) -> str:
        """`status` is ok, no_face or unreadable; a video that is not ok has no score and its status
        is its verdict."""
        if status != "ok":
            assert score is None, "a video without a face must not have a score"
            return status
        assert score is not None
        if score >= self.fake_from:
            return "fake"
        return "real" if score < self.real_below else "uncertain"
