"""Trains a detector further (train.py --init_from): its settings, results before and after."""

import argparse
import json
from collections.abc import Container, Iterator, Mapping
from pathlib import Path

from common import checkpointing, foreign, preprocessing
from common.checkpointing import Checkpoint
from common.errors import UsageError
from common.files import write_text
from datasets import classes, splits
from datasets.manifest import Manifest
from models import ModelConfig
from training.history import EpochRow

BEFORE = "before.json"  # in the run folder: metrics of validation before the first epoch


def adopt(flags: argparse.Namespace, given: Container[str]) -> None:
    """Set the flags of the model and of its clips to the settings of the detector
    `flags.init_from`. `given` are the names of the flags on the command line. Raise CheckpointError
    if the detector cannot be used, UsageError if one of these flags contradicts it."""
    checkpoint = checkpointing.load(flags.init_from)
    if classes.are_content(checkpoint.classes):
        raise UsageError(
            f"--init_from: {flags.init_from} is a content classifier, not a detector: start from "
            "its encoder with --weights"
        )
    config = ModelConfig.from_dict(checkpoint.model).to_dict()
    settings = {
        "model_name": config.pop("name"),
        **config,
        "clip_frames": checkpoint.clip.clip_frames,
        "crop_size": checkpoint.clip.crop_size,
    }
    for name, value in settings.items():
        if name in given and getattr(flags, name) != value:
            raise UsageError(
                f"--{name} {getattr(flags, name)}: the detector in --init_from has {value}: leave "
                "the flag out"
            )
        setattr(flags, name, value)


def warnings(checkpoint: Checkpoint, data: Manifest) -> Iterator[str]:
    """Yield what the new detector will not have from the one that it starts from."""
    pairs = preprocessing.differences(checkpoint.faces, data.faces)
    if pairs:
        listed = ", ".join(f"{name} {old}, now {new}" for name, (old, new) in pairs.items())
        yield f"the detector in --init_from was trained on crops with other settings: {listed}"
    if checkpoint.about:
        yield f"the licence of its weights stays: {checkpoint.about['licence']}"


def check_validation(checkpoint: Checkpoint, data: Manifest) -> None:
    """Raise UsageError if the detector was trained on a source that now is in validation."""
    groups = set(data.split("val")["group"])
    used = splits.known_names(groups, set(checkpoint.trained_on))
    if used:
        raise UsageError(
            f"the detector in --init_from was trained on {len(used)} of {len(groups)} validation "
            f"sources, such as {used[0]}: give them to the training split (--val_share, --seed)"
        )


def write_before(folder: Path, metrics: Mapping[str, float | None]) -> None:
    """Record the metrics of validation before the first epoch in the run folder."""
    write_text(folder / BEFORE, json.dumps(metrics, indent=1) + "\n")


def comparison(folder: Path, best: EpochRow) -> str | None:
    """Return a text with the AUC of validation before training and after the epoch `best`, of every
    collection; None if the run did not start from a detector."""
    if not (folder / BEFORE).is_file():
        return None
    before = foreign.read_json(folder / BEFORE)
    after = best.values()
    changes = [
        f"{name} {before[name]:.3f} → {value:.3f}"
        for name, value in after.items()
        if name.startswith("val_auc") and value is not None and before.get(name) is not None
    ]
    return f"before → after epoch {best.epoch}: {', '.join(changes) or 'no AUC is defined'}"
