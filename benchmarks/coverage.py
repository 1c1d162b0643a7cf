"""How often 95 % intervals over sources contain the true value, in a simulation.

    python -m benchmarks.coverage

Every simulated source has one real video and several fakes. Their scores share a random offset,
because some sources are harder than others. The true values are the metrics of a very large sample.
"""

import numpy as np
from scipy.special import expit
from tqdm import tqdm

from benchmarks.shared import new_parser
from common import errors
from flags.types import at_least
from scoring import metrics

FAKES = 3  # of each source
SOURCE_DEVIATION, VIDEO_DEVIATION = 0.7, 1.0  # standard deviations of the logits' random parts
SHIFT = 1.5  # mean logit of fakes; that of reals is its negative
METRICS = ("auc", "balanced_log_loss", "brier", "accuracy", "eer", "tpr_at_1_fpr", "ece")
LARGE_SAMPLE = 200_000  # sources


def main() -> int:
    parser = new_parser(__doc__)
    parser.add_argument(
        "--sources", type=at_least(2), default=100, help="sources of each simulated evaluation"
    )
    parser.add_argument("--trials", type=at_least(1), default=1000, help="simulated evaluations")
    parser.add_argument(
        "--repetitions", type=at_least(2), default=1000, help="bootstrap draws for each interval"
    )
    parser.add_argument("--seed", type=at_least(0), default=0, help="seed of the simulation")
    flags = parser.parse_args()
    shares = measure_coverage(flags.sources, flags.trials, flags.repetitions, flags.seed)
    print(
        f"intervals that contain the true value, {flags.trials} trials of {flags.sources} sources:"
    )
    for name, share in shares.items():
        print(f"  {name:<20} {share:.1%}")
    return 0


def measure_coverage(sources: int, trials: int, repetitions: int, seed: int) -> dict[str, float]:
    """Return the share of trials in which a metric's interval contains the true value, by
    metric."""
    random = np.random.default_rng(seed)
    labels, scores, _ = draw(random, LARGE_SAMPLE)
    true_values = measure(labels, scores)
    hits = dict.fromkeys(METRICS, 0)
    for trial in tqdm(range(trials), disable=None, leave=False):
        intervals = draw_intervals(random, sources, trial, repetitions)
        for name, interval in intervals.items():
            value = true_values[name]
            if interval is not None and value is not None:
                hits[name] += interval[0] <= value <= interval[1]
    return {name: count / trials for name, count in hits.items()}


def draw_intervals(
    random: np.random.Generator, sources: int, seed: int, repetitions: int
) -> dict[str, metrics.Interval | None]:
    """Return the metrics' intervals of one simulated evaluation."""
    labels, scores, groups = draw(random, sources)

    def measure_rows(rows: np.ndarray) -> metrics.Metrics:
        return measure(labels[rows], scores[rows])

    return metrics.intervals(measure_rows, groups, seed, repetitions)


def measure(labels: np.ndarray, scores: np.ndarray) -> metrics.Metrics:
    """Return METRICS of N scores."""
    values = {
        **metrics.ranking(labels, scores),
        "accuracy": float(np.mean((scores >= 0.5) == labels)),
        **metrics.probabilities(labels, scores),
    }
    return {name: values[name] for name in METRICS}


def draw(random: np.random.Generator, sources: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return labels, scores and numbers of the source (N,) of simulated videos."""
    labels = np.tile([0] + [1] * FAKES, sources)
    groups = np.repeat(np.arange(sources), 1 + FAKES)
    source_part = random.normal(0, SOURCE_DEVIATION, sources)[groups]
    video_part = random.normal(0, VIDEO_DEVIATION, len(labels))
    return labels, expit(SHIFT * (2 * labels - 1) + source_part + video_part), groups


if __name__ == "__main__":
    errors.run(main)
