"""Runs the demo's commands for benchmarks that train over several seeds.

Results that are complete in a folder are used again.
"""

import argparse
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from demo import run as demo
from flags.shared import add_precision
from flags.types import at_least, seeds

Aucs = dict[str, float]  # method → AUC on the test split


def add_flags(parser: argparse.ArgumentParser, output: str) -> None:
    """Add the flags for seeds, size of the data, length of training and output folder."""
    parser.add_argument(
        "--seeds",
        type=seeds,
        default="0,1,2",
        metavar="0,1,2",
        help="seeds, each of which draws videos, split and weights",
    )
    parser.add_argument(
        "--sources", type=at_least(1), default=demo.SOURCES, help="people in the demo's videos"
    )
    parser.add_argument("--epochs", type=at_least(1), default=100, help="epochs of each training")
    add_precision(parser, "auto")
    parser.add_argument(
        "--output",
        type=Path,
        default=Path(output),
        help="folder of data and runs; complete ones in it are used again",
    )


def train_flags(flags: argparse.Namespace) -> list[str]:
    """Return the flags of train.py that the benchmark's own flags set."""
    return ["--epochs", str(flags.epochs), "--precision", flags.precision]


def make_data(folder: Path, sources: int, seed: int) -> Path:
    """Make the demo's data of `seed` in `folder` unless it exists, and return its manifest."""
    path = folder / "videos_df.csv"
    if not path.exists():
        commands = demo.commands(seed)
        # The last value of a flag counts.
        generate = ["--output", f"{folder}/dfdc", "--sources", str(sources)]
        preprocess = ["--input", f"{folder}/dfdc", "--output", str(folder)]
        demo.run_stage("generate", commands["generate"] + generate)
        demo.run_stage("preprocess", commands["preprocess"] + preprocess)
    return path


def train_and_test(data: Path, name: str, seed: int, flags: Sequence[str]) -> Aucs:
    """Train with the demo's flags followed by `flags` on the manifest `data`, and return the AUCs
    on its test split. The run's folder `name` lies beside the manifest."""
    folder = data.with_name(name)
    results = folder / "evaluation_test/metrics.json"
    if not results.exists():
        shutil.rmtree(folder, ignore_errors=True)  # an interrupted run
        train = [*demo.commands(seed)["train"], "--csv_file", str(data)]
        train += ["--checkpoints", str(folder.parent), "--run_name", folder.name]
        demo.run_stage("train", [*train, *flags])
        checkpoint = ["--checkpoint", f"{folder}/best.pt", "--csv_file", str(data)]
        demo.run_stage("evaluate", ["evaluate.py", *checkpoint])
    (evaluation,) = json.loads(results.read_text(encoding="utf-8"))["evaluations"]
    groups = evaluation["groups"]["method"]
    return {method: group["auc"]["value"] for method, group in groups.items()}
