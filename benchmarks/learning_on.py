"""What a detector gains and forgets when it is trained further on a method that it did not know.

    python -m benchmarks.learning_on --seeds 0,1,2 --sources 600

For every seed: trains on the demo's data without the fakes of --method, then further on these alone
(train.py --init_from), with --replay of the first manifest. Both detectors judge the same test
split. Prints the AUC on the new method and on the old ones before and after, pooled over the seeds,
with 95 % intervals over sources, and the share of reals that are newly called fake. Complete runs
in --output are used again, so other settings need another folder.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks import demo_runs
from benchmarks.shared import new_parser
from common import errors
from datasets import manifest
from flags.types import at_least, between
from scoring import metrics
from scoring.metrics import Metrics

COLUMNS = ["video_id", "label", "method", "group", "p_fake", "verdict"]


def main() -> int:
    parser = new_parser(__doc__)
    parser.add_argument("--method", default="low_resolution", help="method that is added later")
    parser.add_argument(
        "--replay", type=between(0, 0.99), default=0.3, help="share of old data in the second one"
    )
    parser.add_argument(
        "--tune_epochs", type=at_least(1), default=20, help="epochs of the second training"
    )
    parser.add_argument("--tune_lr", type=between(1e-8, 1), default=3e-4, help="its learning rate")
    demo_runs.add_flags(parser, "data/learning_on")
    flags = parser.parse_args()
    tables = []
    for seed in flags.seeds:
        data = demo_runs.make_data(flags.output / f"seed_{seed}", flags.sources, seed)
        old = part(data, "old", flags.method, new=False)
        new = part(data, "new", flags.method, new=True)
        demo_runs.train_and_test(old, "before", seed, demo_runs.train_flags(flags))
        further = ["--init_from", str(old.with_name("before") / "best.pt")]
        further += ["--replay", f"{old}:{flags.replay:g}", "--precision", flags.precision]
        further += ["--epochs", str(flags.tune_epochs), "--lr", str(flags.tune_lr)]
        demo_runs.train_and_test(new, "after", seed, further)
        tables.append(judged(data.parent, seed))
    for line in report(pd.concat(tables, ignore_index=True), flags.method):
        print(line)
    return 0


def part(data: Path, name: str, method: str, new: bool) -> Path:
    """Write a manifest beside `data` whose training and validation fakes are those of `method`, or
    the others unless `new`; its test split has all. Return its path."""
    table = manifest.read(data).table
    everywhere = (table["label"] == manifest.REAL) | (table["split"] == "test")
    path = data.with_name(f"{name}.csv")
    manifest.write(path, table[everywhere | ((table["method"] == method) == new)])
    manifest.write_record(path, manifest.read_record(data))
    return path


def judged(folder: Path, seed: int) -> pd.DataFrame:
    """Return the test videos of one seed with p_fake and verdict, before and after."""
    before, after = (
        pd.read_csv(folder / name / "evaluation_test" / "scores.csv", keep_default_na=False)
        for name in ("before", "after")
    )
    both = before[COLUMNS].merge(after[["video_id", "p_fake", "verdict"]], on="video_id")
    both = both.rename(columns={"p_fake_x": "p_before", "p_fake_y": "p_after"})
    both = both.rename(columns={"verdict_x": "before", "verdict_y": "after"})
    both = both[(both["p_before"] != "") & (both["p_after"] != "")]  # videos with a face
    return both.assign(seed=seed, source=f"{seed}/" + both["group"].astype(str)).astype(
        {"p_before": float, "p_after": float}
    )


def report(videos: pd.DataFrame, method: str) -> Iterator[str]:
    """Yield the results for the new method, the old ones, and the reals."""
    real = videos["label"] == manifest.REAL
    seeds = videos["seed"].nunique()
    yield f"\n{seeds} seeds, {videos['source'].nunique()} test sources; AUC as mean over seeds"
    for name, of_name in (
        (f"new: {method}", videos["method"] == method),
        ("old methods", ~real & (videos["method"] != method)),
    ):
        chosen = videos[real | of_name].reset_index(drop=True)
        measure = partial(aucs, chosen)
        values = measure(np.arange(len(chosen)))
        ends = metrics.intervals(measure, chosen["source"].to_numpy())
        low, high = ends["gain"] or (np.nan, np.nan)
        yield (
            f"{name:<24}{values['before']:.3f} → {values['after']:.3f}, {values['gain']:+.3f} "
            f"({low:+.3f} to {high:+.3f})"
        )
    newly = (videos["before"] != "fake") & (videos["after"] == "fake")
    yield f"reals newly called fake: {newly[real].sum()} of {real.sum()} ({newly[real].mean():.1%})"


def aucs(videos: pd.DataFrame, rows: np.ndarray) -> Metrics:
    """Return the AUC before and after, as means over seeds, and their difference, of some rows."""
    labels, seeds = videos["label"].to_numpy()[rows], videos["seed"].to_numpy()[rows]
    values: Metrics = {}
    for name in ("before", "after"):
        scores = videos[f"p_{name}"].to_numpy()[rows]
        found = [metrics.auc(labels[seeds == s], scores[seeds == s]) for s in np.unique(seeds)]
        known = [value for value in found if value is not None]
        values[name] = float(np.mean(known)) if known else None
    return values | {"gain": metrics.difference(values["after"], values["before"])}


if __name__ == "__main__":
    errors.run(main)
