"""How often a 95 % interval over sources holds the truth, in a simulation.

    python -m benchmarks.coverage

Every source has a real video and fakes of it, whose scores share what makes the source hard. The
truth is that of very many sources.
"""

import argparse

import numpy as np
from scipy.special import expit
from tqdm import tqdm

from common import errors
from flags.types import at_least
from scoring import metrics

FAKES = 3  # of a source
SHARED, OWN, SHIFT = 0.7, 1.0, 1.5  # standard deviations, and how far fakes are from reals
MEASURED = ("auc", "balanced_log_loss", "brier", "accuracy", "eer", "tpr_at_1_fpr", "ece")
TRUTH = 200_000  # sources


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--sources", type=at_least(2), default=100)
    parser.add_argument("--trials", type=at_least(1), default=1000)
    parser.add_argument("--repetitions", type=at_least(2), default=1000, help="of the bootstrap")
    parser.add_argument("--seed", type=at_least(0), default=0)
    flags = parser.parse_args()
    found = share_covered(flags.sources, flags.trials, flags.repetitions, flags.seed)
    print(f"the interval held the truth in {flags.trials} trials of {flags.sources} sources:")
    for name, share in found.items():
        print(f"  {name:<20} {share:.1%}")
    return 0


def share_covered(sources: int, trials: int, repetitions: int, seed: int) -> dict[str, float]:
    """Of `trials` simulated evaluations, by number."""
    random = np.random.default_rng(seed)
    labels, scores, _ = draw(random, TRUTH)
    truth = measured(labels, scores)
    hits = dict.fromkeys(MEASURED, 0)
    for trial in tqdm(range(trials), disable=None, leave=False):
        labels, scores, groups = draw(random, sources)
        ranges = metrics.intervals(
            lambda rows, a=labels, b=scores: measured(a[rows], b[rows]), groups, trial, repetitions
        )
        for name, ends in ranges.items():
            hits[name] += ends is not None and ends[0] <= truth[name] <= ends[1]
    return {name: count / trials for name, count in hits.items()}


def measured(labels: np.ndarray, scores: np.ndarray) -> metrics.Numbers:
    everything = {
        **metrics.ranking(labels, scores),
        "accuracy": float(np.mean((scores >= 0.5) == labels)),
        **metrics.probabilities(labels, scores),
    }
    return {name: everything[name] for name in MEASURED}


def draw(random: np.random.Generator, sources: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, scores and sources of all videos."""
    labels = np.tile([0] + [1] * FAKES, sources)
    groups = np.repeat(np.arange(sources), 1 + FAKES)
    hard = random.normal(0, SHARED, sources)[groups]
    return (
        labels,
        expit(SHIFT * (labels - 0.5) * 2 + hard + random.normal(0, OWN, len(labels))),
        groups,
    )


if __name__ == "__main__":
    errors.run(main)
