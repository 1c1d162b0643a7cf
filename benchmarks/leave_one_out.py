"""Manipulations that training never saw, with and without self-blended clips (train.py --sbi).

    python -m benchmarks.leave_one_out --seeds 0,1,2

For every seed, which draws the demo's videos, their split and the weights, and for every method of
manipulation: train on the demo without that method, once without and once with --sbi, and test with
its fakes against the reals. What lies finished in --output is not done again: other settings
need another folder.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy import stats

from benchmarks import demo_runs
from common import errors
from datasets import manifest
from flags.types import between

# What training with --sbi sees is a self-blend itself: no manipulation that is new to it.
KNOWN = "self_blend"
CONFIDENCE = 0.95

Auc = dict[tuple[str, int], tuple[float, float]]  # method and seed → without and with --sbi


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--sbi", type=between(0, 1), default=0.5, help="share of the fakes")
    demo_runs.add_flags(parser, "data/leave_one_out")
    flags = parser.parse_args()
    effort = demo_runs.effort(flags)
    found: Auc = {}
    for seed in flags.seeds:
        data = demo_runs.make_data(flags.output / f"seed_{seed}", flags.sources, seed)
        for method in sorted(set(manifest.read(data).table["method"]) - {""}):
            path = without(data, method)
            plain, blends = (
                demo_runs.train_and_test(
                    path, f"{path.stem}_sbi_{share:g}", seed, [*effort, "--sbi", str(share)]
                )[method]
                for share in (0.0, flags.sbi)
            )
            found[method, seed] = plain, blends
    for line in report(found, flags.sbi):
        print(line)
    return 0


def without(data: Path, method: str) -> Path:
    """A manifest beside `data`: `method` is the only one in the test split, and nowhere else."""
    table = manifest.read(data).table
    real, test = table["label"] == manifest.REAL, table["split"] == "test"
    path = data.with_name(f"without_{method}.csv")
    manifest.write(path, table[real | ((table["method"] == method) == test)])
    manifest.write_record(path, manifest.read_record(data))
    return path


def report(found: Auc, sbi: float) -> Iterator[str]:
    """A table of AUC by method, and the mean gain over pairs of runs that differ by --sbi alone."""
    seeds = sorted({seed for _, seed in found})
    yield f"\nAUC on a method left out of training, mean of seeds {seeds}"
    yield f"{'method':<16}{'plain':>8}{f'sbi {sbi:g}':>9}{'gain':>8}"
    for method in sorted({method for method, _ in found}):
        plain, blends = np.mean([found[method, seed] for seed in seeds], axis=0)
        mark = "  not in the mean" if method == KNOWN else ""
        yield f"{method:<16}{plain:8.3f}{blends:9.3f}{blends - plain:+8.3f}{mark}"
    gains = [blends - plain for (method, _), (plain, blends) in found.items() if method != KNOWN]
    low, high = interval(np.array(gains))
    yield (
        f"mean gain {np.mean(gains):+.3f}, {CONFIDENCE:.0%} interval {low:+.3f} to {high:+.3f} "
        f"(t, {len(gains)} pairs of method and seed)"
    )


def interval(gains: np.ndarray) -> tuple[float, float]:
    """Of the mean, after Student. A little narrow: pairs of one seed share their videos."""
    half = stats.sem(gains) * stats.t.ppf((1 + CONFIDENCE) / 2, len(gains) - 1)
    return gains.mean() - half, gains.mean() + half


if __name__ == "__main__":
    errors.run(main)
