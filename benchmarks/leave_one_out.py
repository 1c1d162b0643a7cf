"""AUC on manipulations left out of training, with and without self-blends (train.py --sbi).

    python -m benchmarks.leave_one_out --seeds 0,1,2

For every seed and every method of manipulation: trains on the demo's data without that method, once
without and once with --sbi, and tests on the fakes of that method and the reals. Complete runs in
--output are used again, so other settings need another folder.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy import stats

from benchmarks import demo_runs
from benchmarks.shared import new_parser
from common import errors
from datasets import manifest
from flags.types import between

# Training with --sbi shows self-blends, so this method is not new to it.
SELF_BLEND = "self_blend"
CONFIDENCE = 0.95

AucPairs = dict[tuple[str, int], tuple[float, float]]  # method, seed → AUC without and with --sbi


def main() -> int:
    parser = new_parser(__doc__)
    parser.add_argument(
        "--sbi", type=between(0, 1), default=0.5, help="share of fakes that self-blends replace"
    )
    demo_runs.add_flags(parser, "data/leave_one_out")
    flags = parser.parse_args()
    train_flags = demo_runs.train_flags(flags)
    aucs: AucPairs = {}
    for seed in flags.seeds:
        data = demo_runs.make_data(flags.output / f"seed_{seed}", flags.sources, seed)
        for method in sorted(set(manifest.read(data).table["method"]) - {""}):
            path = leave_out(data, method)
            without_sbi, with_sbi = (
                demo_runs.train_and_test(
                    path, f"{path.stem}_sbi_{share:g}", seed, [*train_flags, "--sbi", str(share)]
                )[method]
                for share in (0.0, flags.sbi)
            )
            aucs[method, seed] = without_sbi, with_sbi
    for line in report(aucs, flags.sbi):
        print(line)
    return 0


def leave_out(data: Path, method: str) -> Path:
    """Write a manifest beside `data` in which all fakes of the test split are made by `method`, and
    none of the other splits is. Return its path."""
    table = manifest.read(data).table
    is_real, is_test = table["label"] == manifest.REAL, table["split"] == "test"
    path = data.with_name(f"without_{method}.csv")
    manifest.write(path, table[is_real | ((table["method"] == method) == is_test)])
    manifest.write_record(path, manifest.read_record(data))
    return path


def report(aucs: AucPairs, sbi: float) -> Iterator[str]:
    """Yield a table of AUCs by method, then the mean gain by --sbi with its interval."""
    seeds = sorted({seed for _, seed in aucs})
    yield f"\nAUC on a method left out of training, mean of seeds {seeds}"
    yield f"{'method':<16}{'plain':>8}{f'sbi {sbi:g}':>9}{'gain':>8}"
    for method in sorted({method for method, _ in aucs}):
        plain, blends = np.mean([aucs[method, seed] for seed in seeds], axis=0)
        mark = "  not in the mean" if method == SELF_BLEND else ""
        yield f"{method:<16}{plain:8.3f}{blends:9.3f}{blends - plain:+8.3f}{mark}"
    pairs = [pair for (method, _), pair in aucs.items() if method != SELF_BLEND]
    gains = np.array([blends - plain for plain, blends in pairs])
    low, high = mean_interval(gains)
    yield (
        f"mean gain {np.mean(gains):+.3f}, {CONFIDENCE:.0%} interval {low:+.3f} to {high:+.3f} "
        f"(t, {len(gains)} pairs of method and seed)"
    )


def mean_interval(gains: np.ndarray) -> tuple[float, float]:
    """Return Student's confidence interval of the mean. It is slightly too narrow, because pairs of
    one seed share their videos."""
    half = stats.sem(gains) * stats.t.ppf((1 + CONFIDENCE) / 2, len(gains) - 1)
    return gains.mean() - half, gains.mean() + half


if __name__ == "__main__":
    errors.run(main)
