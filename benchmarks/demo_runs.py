"""Trainings on the demo's data by the demo's own commands, for tables over seeds. What lies
finished in a folder is not done again."""

import argparse
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from demo import run as demo
from flags.types import at_least, seeds

Aucs = dict[str, float]  # method → AUC on the test split


def add_flags(parser: argparse.ArgumentParser, output: str) -> None:
    """What both tables are asked: which seeds, how much work, and where it goes."""
    parser.add_argument("--seeds", type=seeds, default="0,1,2")
    parser.add_argument("--sources", type=at_least(1), default=demo.SOURCES)
    parser.add_argument("--epochs", type=at_least(1), default=100)
    parser.add_argument(
        "--precision", default="auto", help="bfloat16: twice as fast on CPUs that compute with it"
    )
    parser.add_argument("--output", type=Path, default=Path(output))


def effort(flags: argparse.Namespace) -> list[str]:
    """Flags of train.py."""
    return ["--epochs", str(flags.epochs), "--precision", flags.precision]


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


def train_and_test(data: Path, name: str, seed: int, flags: Sequence[str]) -> Aucs:
    """AUCs of a model trained on the manifest `data` with the demo's flags and then `flags`; the
    run is called `name` and lies beside the manifest."""
    folder = data.with_name(name)
    result = folder / "evaluation_test/metrics.json"
    if not result.exists():
        shutil.rmtree(folder, ignore_errors=True)  # interrupted
        train = [*demo.commands(seed)["train"], "--csv_file", str(data)]
        place = ["--checkpoints", str(folder.parent), "--run_name", folder.name]
        demo.run_stage("train", [*train, *place, *flags])
        checkpoint = ["--checkpoint", f"{folder}/best.pt", "--csv_file", str(data)]
        demo.run_stage("evaluate", ["evaluate.py", *checkpoint])
    (found,) = json.loads(result.read_text(encoding="utf-8"))["evaluations"]
    return {name: group["auc"]["value"] for name, group in found["groups"]["method"].items()}
