"""Lists trained models, compares detectors, and says which one is in production.

python -m detectors                       those that ship and those in checkpoints/, with stages
python -m detectors show NAME|FILE        all that is known about one
python -m detectors compare A B           their figures on validation, side by side
python -m detectors promote NAME|FILE     judge with it: --checkpoint production
python -m detectors rollback              judge with the one before again
"""

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import detectors
from common import checkpointing, errors
from common.checkpointing import Checkpoint
from common.errors import CheckpointError
from datasets import classes
from detectors import mlflow_models
from detectors.registry import Registry


def main() -> int:
    flags = build_parser().parse_args()
    registry = Registry(detectors.CHECKPOINTS)
    if flags.command == "show":
        print("\n".join(describe(detectors.find(flags.detector), registry)))
    elif flags.command == "compare":
        print("\n".join(compare(*map(detectors.find, flags.detectors))))
    elif flags.command == "promote":
        path = detectors.find(flags.detector)
        if classes.are_content(checkpointing.load(path).classes):  # a damaged one is refused, too
            raise CheckpointError(f"{path} is a content classifier: it gives no verdicts")
        registry.promote(path)
        announce(registry)
    elif flags.command == "rollback":
        registry.rollback()
        announce(registry)
    else:
        for path in detectors.paths(detectors.CHECKPOINTS):
            try:
                lines = list(summary(path, checkpointing.load(path), registry))
            except CheckpointError as error:  # the others are listed all the same
                lines = [f"{path.parent.name}: {error}"]
            print("\n".join(lines))
    return 0


def announce(registry: Registry) -> None:
    """Say which detector is in production, here and in MLflow."""
    entry = registry.history()[-1]
    print(f"in production: {entry.path}")
    if version := mlflow_models.mirror(entry):
        print(f"in MLflow: version {version} of {mlflow_models.MODEL}")


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", metavar="list|show|compare|promote|rollback")
    commands.add_parser("list", help="models, and the stages of detectors (default)")
    for name in ("show", "promote"):
        commands.add_parser(name).add_argument("detector", type=Path, metavar="NAME|FILE")
    commands.add_parser("compare").add_argument(
        "detectors", type=Path, nargs=2, metavar="NAME|FILE"
    )
    commands.add_parser("rollback")
    return parser


def summary(path: Path, checkpoint: Checkpoint, registry: Registry) -> Iterator[str]:
    """Yield the lines about a model in the list."""
    model, about = checkpoint.model, checkpoint.about
    default = " (default)" if about and about["name"] == detectors.DEFAULT else ""
    is_content = classes.are_content(checkpoint.classes)
    kind = "content classifier" if is_content else registry.stage(path)
    yield (
        f"{path.parent.name}{default}: {model['name']}, {model['temporal']}, "
        f"{checkpoint.clip.crop_size} px · {kind}"
    )
    if about:
        yield from (f"  {name}: {text}" for name, text in about["figures"].items())
        yield f"  licence: {about['licence']}"
        yield f"  model card: {about['card']}"
    else:
        name, shown = ("val_acc", "accuracy") if is_content else ("val_auc", "AUC")
        yield f"  epoch {checkpoint.epoch}, validation {shown} {_number(checkpoint, name)}"


def describe(path: Path, registry: Registry) -> Iterator[str]:
    """Yield lines with all that is known about a detector but its weights."""
    checkpoint = checkpointing.load(path)
    yield from summary(path, checkpoint, registry)
    values = {
        "file": str(path),
        "model": checkpoint.model,
        "clips": checkpoint.clip.to_dict(),
        "crops": checkpoint.faces.to_dict(),
        "decision rule": checkpoint.judgement,
        "training sources": len(checkpoint.trained_on),
        "training data": checkpoint.data,
        "validation": checkpoint.metrics,
    }
    yield from (f"  {name}: {value}" for name, value in values.items())
    for entry in registry.history():
        if Path(entry.path) == path.resolve():
            since = time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.since))
            yield f"  promoted: {since}"


def compare(one: Path, other: Path) -> Iterator[str]:
    """Yield a table of the figures of two detectors on their validation splits."""
    first, second = map(checkpointing.load, (one, other))
    yield f"{'on validation':<24}{one.parent.name:>16}{other.parent.name:>16}"
    names = dict.fromkeys([*first.metrics, *second.metrics])
    for name in filter(lambda name: name.startswith("val_"), names):
        yield f"{name:<24}{_number(first, name):>16}{_number(second, name):>16}"
    if first.data["sha256"] != second.data["sha256"]:
        yield "their training data differ, and so may these splits:"
    if classes.are_content(first.classes) or classes.are_content(second.classes):
        return
    yield f"on test videos, with intervals: python evaluate.py --checkpoint {one} {other} --compare"


def _number(checkpoint: Checkpoint, name: str) -> str:
    value = checkpoint.metrics.get(name)
    return "–" if value is None else f"{value:.3f}"


if __name__ == "__main__":
    errors.run(main)
