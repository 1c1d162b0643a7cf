"""The decision rule: turns a model's scores into probabilities and verdicts.

scoring/calibrate.py fits it on validation data, and the checkpoint stores it.
"""

import math
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
from scipy.special import expit, logit

from common.errors import DataError
from common.preprocessing import Record
from scoring.aggregate import AGGREGATIONS, DEFAULT

VERDICTS = ("real", "fake", "uncertain", "no_face", "unreadable")
EVEN_PRIOR = 0.5  # share of fakes that p_fake assumes in a stored rule: even odds
MIN_SCORE = 1e-12  # scores are clipped to [MIN_SCORE, 1 - MIN_SCORE] to keep their logits finite


@dataclass(frozen=True)
class DecisionRule(Record):
    """The settings that turn the scores of a video's clips into a score, p_fake and a verdict.

    The thresholds apply to the score, not to p_fake: the rate of false alarms does not depend on
    the share of fakes, so another prior changes p_fake but no verdict. No verdict contradicts
    p_fake at even odds (half of all videos fake): `fake` also needs at least 0.5 there, `real` at
    most 0.5, whatever the thresholds; otherwise the verdict is `uncertain`.

    Outside the training range (training_range.py) the thresholds can be further apart, so that more
    videos are uncertain.

    The default rule is not calibrated: p_fake is the score, and only clear scores get a verdict.
    """

    ADDED: ClassVar[dict[str, Any]] = {"outside": ()}

    aggregation: str = DEFAULT  # a name in AGGREGATIONS
    slope: float = 1.0  # logit(p_fake) = slope * logit(score) + offset + logit(prior)
    offset: float = 0.0
    real_below: float = 0.2  # a lower score is real; scores from here to fake_from are uncertain
    fake_from: float = 0.8  # this score or a higher one is fake
    prior: float = EVEN_PRIOR  # share of fakes that p_fake assumes
    fitted: str = ""  # how and on what data it was fitted, in words; empty: not calibrated
    # real_below and fake_from for a video outside the training range; empty: the same
    outside: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Raise DataError for values that no fit could have produced."""
        own = (self.slope, self.offset, self.real_below, self.fake_from, self.prior)
        values = (*own, *self.outside)
        if (
            self.aggregation not in AGGREGATIONS
            or not all(isinstance(v, int | float) and math.isfinite(v) for v in values)
            or not isinstance(self.fitted, str)
            or self.slope <= 0
            or self.real_below > self.fake_from
            or len(self.outside) not in (0, 2)
            or (self.outside and self.outside[0] > self.real_below)
            or (self.outside and self.outside[1] < self.fake_from)
            or not 0 < self.prior < 1
        ):
            raise DataError("its decision rule is damaged or was written by another version")

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Return a stored rule; for one that is not calibrated, the default rule: earlier versions
        stored a single threshold at 0.5 with it."""
        rule = super().from_dict(values)
        return rule if rule.fitted else cls()

    def p_fake(self, scores: np.ndarray) -> np.ndarray:
        """Return p_fake for the model's `scores`, in [0, 1] and of any shape."""
        clipped = np.clip(scores, MIN_SCORE, 1 - MIN_SCORE)
        return expit(self.slope * logit(clipped) + self.offset + logit(self.prior))

    def at_prior(self, prior: float) -> Self:
        """Return a copy of the rule whose p_fake assumes a share `prior` of fakes: the odds at even
        odds, times the odds of `prior` (Saerens et al. 2002). Verdicts stay the same."""
        return replace(self, prior=prior)

    def at_even_odds(self, p_fake: float) -> float:
        """Return the p_fake at even odds of a video whose p_fake at the rule's prior is given."""
        return float(expit(logit(p_fake) - logit(self.prior)))

    @property
    def p_fake_thresholds(self) -> tuple[float, float]:
        """The p_fake below which a video is real, and the one from which it is fake."""
        return self._as_p_fake(self.real_below, self.fake_from)

    @property
    def p_fake_outside(self) -> tuple[float, float]:
        """The same for a video outside the training range."""
        return self._as_p_fake(*self.outside) if self.outside else self.p_fake_thresholds

    def _as_p_fake(self, real_below: float, fake_from: float) -> tuple[float, float]:
        low, high = self.p_fake(np.array([real_below, fake_from]))
        # At the score whose p_fake is 0.5 at even odds, p_fake is the prior.
        return min(float(low), self.prior), max(float(high), self.prior)

    @property
    def single_threshold(self) -> float:
        """The score from which a video counts as fake if no verdict may be `uncertain`: the score
        at which p_fake is 0.5 at even odds."""
        return float(expit(-self.offset / self.slope))

    def verdict(self, status: str, score: float | None, outside: bool = False) -> str:
        """Return the verdict on a video. A status other than `ok` is itself the verdict; `score`
        must then be None. `outside`: the video is outside the training range."""
        if status != "ok":
            assert score is None, "only a video with the status ok has a score"
            return status
        assert score is not None
        even = self.at_prior(EVEN_PRIOR).p_fake(np.array(score))
        usual = (self.real_below, self.fake_from)
        low, high = self.outside if outside and self.outside else usual
        if score >= high and even >= 0.5:
            return "fake"
        return "real" if score < low and even <= 0.5 else "uncertain"
