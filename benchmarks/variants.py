"""What a flag of train.py changes on the demo: AUC on the test split by method, over seeds.

    python -m benchmarks.variants temporal lstm,gru,transformer,attention,mean,max,none

A seed draws the demo's videos, their split and the weights; everything else is the demo's own. What
lies finished in --output is not done again: other settings need another folder. Of the methods,
`flicker` shows in time alone, the others in every frame.
"""

import argparse
from collections.abc import Iterator

import numpy as np

from benchmarks import demo_runs
from benchmarks.demo_runs import Aucs
from common import errors


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("flag", help="of train.py, without its dashes")
    parser.add_argument("values", type=lambda text: text.split(","), help="a,b,c")
    demo_runs.add_flags(parser, "data/variants")
    flags = parser.parse_args()
    found: dict[str, list[Aucs]] = {value: [] for value in flags.values}
    for seed in flags.seeds:
        data = demo_runs.make_data(flags.output / f"seed_{seed}", flags.sources, seed)
        for value in flags.values:
            asked = [*demo_runs.effort(flags), f"--{flags.flag}", value]
            name = f"{flags.flag}_{value}"
            found[value].append(demo_runs.train_and_test(data, name, seed, asked))
    for line in report(flags.flag, found, flags.seeds):
        print(line)
    return 0


def report(flag: str, found: dict[str, list[Aucs]], seeds: list[int]) -> Iterator[str]:
    """A row for every value: mean and standard deviation over seeds of the AUC of every method, and
    of their mean."""
    methods = sorted({method for runs in found.values() for run in runs for method in run})
    yield f"\nAUC on the test split, mean ± standard deviation over the seeds {seeds}"
    yield f"{'--' + flag:<16}" + "".join(f"{name:>17}" for name in [*methods, "mean"])
    for value, runs in found.items():
        table = np.array([[run[method] for method in methods] for run in runs])
        table = np.column_stack([table, table.mean(axis=1)])
        spread = table.std(axis=0, ddof=1) if len(runs) > 1 else np.full(table.shape[1], np.nan)
        cells = [f"{m:.3f} ± {s:.3f}" for m, s in zip(table.mean(axis=0), spread, strict=True)]
        yield f"{value:<16}" + "".join(f"{cell:>17}" for cell in cells)


if __name__ == "__main__":
    errors.run(main)
