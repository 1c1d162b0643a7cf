"""What calibration and --prior are worth where fakes are rarer or commoner than in training, in a
simulation.

    python -m benchmarks.calibration

A detector's logits are right for as many fakes as reals but for a slope and an offset, as after
training too long. Both are fitted on a validation set, and judged on new videos at other shares.
"""

import argparse

import numpy as np
from scipy.special import expit

from common import errors
from flags.types import at_least
from scoring import metrics
from scoring.calibrate import Rule, calibrate
from scoring.decision_rule import Judgement

SHARES = (0.5, 0.8, 0.01)  # of fakes, where the detector is used
APART = 2.0  # standard deviations between the middles of both classes
SLOPE, OFFSET = 2.5, 1.0  # by which a trained detector's logits are wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--validation", type=at_least(20), default=1000, help="videos")
    parser.add_argument("--videos", type=at_least(100), default=20_000, help="that are judged")
    parser.add_argument("--seed", type=at_least(0), default=0)
    flags = parser.parse_args()
    random = np.random.default_rng(flags.seed)
    judgement = fitted(random, flags.validation)
    print(judgement.fitted)
    print(f"{'share of fakes':<16}{'':<14}{'ECE':>8}{'log loss':>10}")
    for share in SHARES:
        for name, (ece, loss) in judged(random, judgement, share, flags.videos).items():
            print(f"{share:<16}{name:<14}{ece:8.4f}{loss:10.4f}")
    return 0


def draw(random: np.random.Generator, count: int, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Labels and scores. The logarithm of the odds of two normal distributions is APART times the
    place between their middles."""
    labels = (random.random(count) < share).astype(int)
    odds = APART * random.normal((labels - 0.5) * APART, 1)
    return labels, expit(SLOPE * odds + OFFSET)


def fitted(random: np.random.Generator, count: int) -> Judgement:
    labels, scores = draw(random, count, 0.5)
    return calibrate(labels, {"max_face": scores}, np.arange(count), Rule())


def judged(
    random: np.random.Generator, judgement: Judgement, share: float, count: int
) -> dict[str, tuple[float, float]]:
    """Calibration error and log loss of the model's own scores, of calibrated ones, and of those at
    the prior."""
    labels, scores = draw(random, count, share)
    tried = {
        "as trained": scores,
        "calibrated": judgement.p_fake(scores),
        "at the prior": judgement.at_prior(share).p_fake(scores),
    }
    found = {
        name: metrics.probabilities(labels, p_fake, prior=labels.mean())
        for name, p_fake in tried.items()
    }
    return {name: (numbers["ece"], numbers["log_loss"]) for name, numbers in found.items()}


if __name__ == "__main__":
    errors.run(main)
