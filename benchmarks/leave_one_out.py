"""Manipulations that training never saw, with and without self-blended clips (train.py --sbi).

    python -m benchmarks.leave_one_out --seeds 0,1,2

For every seed, which draws the demo's videos, their split and the weights, and for every method of
manipulation: train on the demo without that method, once without and once with --sbi, and test with
its fakes against the reals. Commands and settings are the demo's own. What lies finished in
--output is not done again: other settings need another folder.
"""

import argparse
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy import stats

import errors
from arg_types import at_least, between
from datasets import manifest
from demo import run as demo

# What training with --sbi sees is a self-blend itself: no manipulation that is new to it.
KNOWN = "self_blend"
CONFIDENCE = 0.95

Auc = dict[tuple[str, int], tuple[float, float]]  # method and seed → without and with --sbi


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument(
        "--seeds", type=lambda text: [int(seed) for seed in text.split(",")], default=[0, 1, 2]
    )
    parser.add_argument("--sbi", type=between(0, 1), default=0.5, help="share of the fakes")
    parser.add_argument("--sources", type=at_least(1), default=demo.SOURCES)
    parser.add_argument("--epochs", type=at_least(1), default=100)
    parser.add_argument(
        "--precision", default="auto", help="bfloat16: twice as fast on CPUs that compute with it"
    )
    parser.add_argument("--output", type=Path, default=Path("data/leave_one_out"))
    flags = parser.parse_args()
    found: Auc = {}
    for seed in flags.seeds:
        data = make_data(flags.output / f"seed_{seed}", flags.sources, seed)
        for method in sorted(set(manifest.read(data).table["method"]) - {""}):
            path = without(data, method)
            found[method, seed] = (
                measure(path, method, seed, 0.0, flags.epochs, flags.precision),
                measure(path, method, seed, flags.sbi, flags.epochs, flags.precision),
            )
    for line in report(found, flags.sbi):
        print(line)
    return 0


def make_data(folder: Path, sources: int, seed: int) -> Path:
    """The demo's manifest in `folder`, drawn from `seed`. Of a flag given twice the last counts."""
    path = folder / "videos_df.csv"
    if not path.exists():
        commands = demo.commands(seed)
        where = ["--output", str(folder)]
        videos = ["--output", f"{folder}/dfdc", "--sources", str(sources)]
        demo.run_stage("generate", commands["generate"] + videos)
        demo.run_stage("preprocess", [*commands["preprocess"], "--input", f"{folder}/dfdc", *where])
    return path


def without(data: Path, method: str) -> Path:
    """A manifest beside `data`: `method` is the only one in the test split, and nowhere else."""
    table = manifest.read(data).table
    real, test = table["label"] == manifest.REAL, table["split"] == "test"
    path = data.with_name(f"without_{method}.csv")
    manifest.write(path, table[real | ((table["method"] == method) == test)])
    manifest.write_record(path, manifest.read_record(data))
    return path


def measure(data: Path, method: str, seed: int, sbi: float, epochs: int, precision: str) -> float:
    """AUC on the test split of a model trained on `data`."""
    folder = data.with_name(f"{data.stem}_sbi_{sbi:g}")
    result = folder / "evaluation_test/metrics.json"
    if not result.exists():
        shutil.rmtree(folder, ignore_errors=True)  # interrupted
        train = [*demo.commands(seed)["train"], "--csv_file", str(data), "--sbi", str(sbi)]
        place = ["--checkpoints", str(folder.parent), "--run_name", folder.name]
        effort = ["--epochs", str(epochs), "--precision", precision]
        demo.run_stage("train", [*train, *place, *effort])
        checkpoint = ["--checkpoint", f"{folder}/best.pt", "--csv_file", str(data)]
        demo.run_stage("evaluate", ["evaluate.py", *checkpoint])
    return json.loads(result.read_text(encoding="utf-8"))["auc_by_method"][method]


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
