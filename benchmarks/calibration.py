"""Calibration error of p_fake at several shares of fakes, with and without --prior (simulated).

    python -m benchmarks.calibration

Simulates a detector whose scores have the wrong slope and offset, as after too long a training.
Both are corrected by calibration on a validation set with as many fakes as reals. Calibration error
and log loss are then measured on new videos with other shares of fakes.
"""

import numpy as np
from scipy.special import expit

from benchmarks.shared import new_parser
from common import errors
from flags.types import at_least
from scoring import metrics
from scoring.calibrate import ErrorTarget, Videos, calibrate
from scoring.decision_rule import DecisionRule

SHARES = (0.5, 0.8, 0.01)  # of fakes among the new videos
DISTANCE = 2.0  # between the means of the two classes, in standard deviations
SLOPE, OFFSET = 2.5, 1.0  # errors of the simulated detector's logits


def main() -> int:
    parser = new_parser(__doc__)
    parser.add_argument(
        "--validation", type=at_least(20), default=1000, help="videos to calibrate with"
    )
    parser.add_argument(
        "--videos", type=at_least(100), default=20_000, help="new videos for each share of fakes"
    )
    parser.add_argument("--seed", type=at_least(0), default=0, help="seed of the simulation")
    flags = parser.parse_args()
    random = np.random.default_rng(flags.seed)
    rule = fit_rule(random, flags.validation)
    print(rule.fitted)
    print(f"{'share of fakes':<16}{'p_fake':<14}{'ECE':>8}{'log loss':>10}")
    for share in SHARES:
        for name, values in measure(random, rule, share, flags.videos).items():
            print(f"{share:<16}{name:<14}{values['ece']:8.4f}{values['log_loss']:10.4f}")
    return 0


def draw(random: np.random.Generator, count: int, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Return labels and scores (N,) of simulated videos, a share of them fake."""
    labels = (random.random(count) < share).astype(int)
    # The log odds of two normal distributions are linear in the drawn value.
    log_odds = DISTANCE * random.normal((labels - 0.5) * DISTANCE, 1)
    return labels, expit(SLOPE * log_odds + OFFSET)


def fit_rule(random: np.random.Generator, count: int) -> DecisionRule:
    """Fit a decision rule on `count` simulated validation videos."""
    labels, scores = draw(random, count, 0.5)
    videos = Videos(labels, np.arange(count), np.full(count, ""))
    return calibrate(videos, {"max_face": scores}, ErrorTarget())


def measure(
    random: np.random.Generator, rule: DecisionRule, share: float, count: int
) -> dict[str, metrics.Metrics]:
    """Return the metrics of three kinds of p_fake: the model's scores, calibrated scores, and
    calibrated scores at the prior `share`."""
    labels, scores = draw(random, count, share)
    kinds = {
        "uncalibrated": scores,
        "calibrated": rule.p_fake(scores),
        "at the prior": rule.at_prior(share).p_fake(scores),
    }
    return {
        name: metrics.probabilities(labels, p_fake, prior=labels.mean())
        for name, p_fake in kinds.items()
    }


if __name__ == "__main__":
    errors.run(main)
