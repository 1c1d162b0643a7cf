"""What a calibration on few validation sources is worth, in a simulation.

    python -m benchmarks.few_sources

Every simulated source has one real video and several fakes, whose scores share a random offset. The
detector's scores have the wrong slope and offset, as after too long a training. For each number of
validation sources: how often p_fake has a higher log loss on new videos than the model's own score,
its median calibration error, and how often the thresholds of an error rate of one in ten call more
than one in five new reals fake.
"""

from contextlib import suppress

import numpy as np
import pandas as pd
from scipy.special import expit

from benchmarks import coverage
from benchmarks.shared import new_parser
from common import errors
from flags.types import at_least
from scoring import metrics
from scoring.calibrate import ErrorTarget, TooFewVideos, Videos, fit, fit_thresholds
from scoring.decision_rule import DecisionRule

SOURCES = (3, 5, 7, 8, 9, 12, 20, 50)
SLOPE, OFFSET = 2.0, 1.5  # errors of the simulated detector's logits
PROMISED = 0.1  # error rate


def main() -> int:
    parser = new_parser(__doc__)
    parser.add_argument("--trials", type=at_least(1), default=400, help="simulated validation sets")
    parser.add_argument(
        "--new", type=at_least(10), default=2000, help="sources of the new videos to measure on"
    )
    parser.add_argument("--seed", type=at_least(0), default=0, help="seed of the simulation")
    flags = parser.parse_args()
    print(f"{'sources':>7}{'worse than the score':>22}{'median ECE':>12}{'twice the rate':>16}")
    for sources in SOURCES:
        worse, ece, twice = measure(sources, flags.trials, flags.new, flags.seed)
        print(f"{sources:>7}{worse:>22.1%}{ece:>12.3f}{twice:>16.1%}")
    return 0


def measure(sources: int, trials: int, new: int, seed: int) -> tuple[float, float, float]:
    """Return the share of trials in which calibration makes p_fake worse, the median calibration
    error, and the share of trials in which more than 2 × PROMISED of new reals are called fake."""
    random = np.random.default_rng(seed)
    new_labels, new_scores, _ = draw(random, new)
    measured = [metrics.probabilities(new_labels, new_scores)]
    rates = []
    for _ in range(trials):
        labels, scores, groups = draw(random, sources)
        videos = Videos(labels, groups, np.full(len(labels), ""))
        rule = DecisionRule("max_face", *fit(videos, scores, "platt"))
        even = rule.single_threshold
        high = even
        with suppress(TooFewVideos):  # too few sources for the rate: one threshold at p_fake 0.5
            target = ErrorTarget(error_rate=PROMISED)
            high = fit_thresholds(videos, scores, target, even)[1]
        measured.append(metrics.probabilities(new_labels, rule.p_fake(new_scores)))
        rates.append((new_scores[new_labels == 0] >= high).mean())
    table = pd.DataFrame(measured)
    score_loss, *losses = table["balanced_log_loss"]
    worse, twice = np.array(losses) > score_loss, np.array(rates) > 2 * PROMISED
    return float(worse.mean()), float(table["ece"][1:].median()), float(twice.mean())


def draw(random: np.random.Generator, sources: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return labels, scores and numbers of the source (N,) of simulated videos."""
    labels, right, groups = coverage.draw(random, sources)
    return labels, expit(SLOPE * np.log(right / (1 - right)) + OFFSET), groups


if __name__ == "__main__":
    errors.run(main)
