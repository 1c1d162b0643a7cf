"""AUC on the demo's test split for several values of a flag of train.py.

    python -m benchmarks.variants temporal lstm,gru,transformer,attention,mean,max,none

A seed draws the demo's videos, their split and the weights; all other settings are the demo's.
Complete runs in --output are used again, so other settings need another folder. Of the methods,
`flicker` is visible only over time, the others in every frame.
"""

from collections.abc import Iterator

import numpy as np

from benchmarks import demo_runs
from benchmarks.demo_runs import Aucs
from benchmarks.shared import new_parser
from common import errors


def main() -> int:
    parser = new_parser(__doc__)
    parser.add_argument("flag", help="a flag of train.py without its dashes")
    parser.add_argument("values", type=lambda text: text.split(","), help="values as a,b,c")
    demo_runs.add_flags(parser, "data/variants")
    flags = parser.parse_args()
    aucs: dict[str, list[Aucs]] = {value: [] for value in flags.values}
    for seed in flags.seeds:
        data = demo_runs.make_data(flags.output / f"seed_{seed}", flags.sources, seed)
        for value in flags.values:
            train_flags = [*demo_runs.train_flags(flags), f"--{flags.flag}", value]
            name = f"{flags.flag}_{value}"
            aucs[value].append(demo_runs.train_and_test(data, name, seed, train_flags))
    for line in report(flags.flag, aucs, flags.seeds):
        print(line)
    return 0


def report(flag: str, aucs: dict[str, list[Aucs]], seeds: list[int]) -> Iterator[str]:
    """Yield a row for every value of the flag: mean and standard deviation over seeds of each
    method's AUC and of their mean. `aucs` has an entry per seed for every value."""
    methods = sorted({method for runs in aucs.values() for run in runs for method in run})
    yield f"\nAUC on the test split, mean ± standard deviation over the seeds {seeds}"
    yield f"{'--' + flag:<16}" + "".join(f"{name:>17}" for name in [*methods, "mean"])
    for value, runs in aucs.items():
        table = np.array([[run[method] for method in methods] for run in runs])
        table = np.column_stack([table, table.mean(axis=1)])
        spread = table.std(axis=0, ddof=1) if len(runs) > 1 else np.full(table.shape[1], np.nan)
        cells = [f"{m:.3f} ± {s:.3f}" for m, s in zip(table.mean(axis=0), spread, strict=True)]
        yield f"{value:<16}" + "".join(f"{cell:>17}" for cell in cells)


if __name__ == "__main__":
    errors.run(main)
