"""Checkpoint files: written atomically, and read without running code from them.

A checkpoint contains everything needed to rebuild its model and preprocessing without any flag.
This module builds no model.
"""

import os
import zipfile
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any

import torch

from common import checkpoint_limits, detector_folder
from common.errors import CheckpointError, DataError, one_line
from common.files import replacing
from common.preprocessing import ClipConfig, FaceConfig
from common.version import VERSION

FORMAT = 4  # raised when a stored field changes its meaning
KINDS: dict[str, type] = {  # field of Checkpoint → its type in the file
    **dict.fromkeys(("model", "weights", "faces", "clip", "data", "metrics"), dict),
    **{"classes": list, "trained_on": list, "epoch": int, "judgement": dict, "familiar": dict},
    "about": dict,
}
EXPORT_ENTRY = "detector.json"  # file in the zip archive that export/detector_file.py writes


@dataclass
class Checkpoint:
    """The content of a checkpoint file; each field is stored in it under the same name."""

    model: dict[str, Any]  # fields of models.ModelConfig
    weights: dict[str, torch.Tensor]
    faces: FaceConfig
    clip: ClipConfig
    classes: list[str]  # in label order
    trained_on: list[int]  # datasets.splits.fingerprints of the training groups
    data: dict[str, Any]  # datasets.manifest.fingerprint of the training manifest
    epoch: int  # from 1
    metrics: dict[str, float | None]  # the epoch's row of history.csv; {} if saved within an epoch
    judgement: dict[str, Any] | None = None  # fields of DecisionRule; None: not fitted
    familiar: dict[str, Any] | None = None  # fields of TrainingRange; None: unknown
    about: dict[str, Any] | None = None  # of a shipped detector: name, licence and more


def save(path: Path, checkpoint: Checkpoint, training: dict[str, Any] | None = None) -> None:
    """Write a checkpoint atomically: if the process is killed, an existing file stays unchanged.
    `training` is the state that only resuming needs, such as that of the optimizer."""
    values = to_values(checkpoint)
    if training is not None:
        values["training"] = training
    _write(path, values)


def to_values(checkpoint: Checkpoint) -> dict[str, Any]:
    """Return the values that a checkpoint's file contains. The version of the program is for
    readers; FORMAT decides who can read the file."""
    values = {field.name: getattr(checkpoint, field.name) for field in fields(Checkpoint)}
    values |= {"faces": checkpoint.faces.to_dict(), "clip": checkpoint.clip.to_dict()}
    return values | {"format": FORMAT, "version": VERSION}


def store_decision_rule(path: Path, rule: dict[str, Any]) -> None:
    """Replace the decision rule in the checkpoint at `path`, and nothing else. Raise
    CheckpointError if the file is not a valid checkpoint, or belongs to a shipped detector."""
    if detector_folder.is_detector(path):
        raise CheckpointError(f"{path}: the decision rule of a shipped detector is fixed")
    values = _read(path)
    _to_checkpoint(path, values)
    _write(path, values | {"judgement": rule})


def _write(path: Path, values: dict[str, Any]) -> None:
    with replacing(path) as partial, partial.open("wb") as file:
        torch.save(values, file)
        file.flush()
        os.fsync(file.fileno())


def load(path: Path) -> Checkpoint:
    """Return the checkpoint at `path`, with its weights on the CPU. No code from the file is run.

    Raise CheckpointError if the file is missing or damaged, contains code, is not a checkpoint of
    this project, or has another format version.
    """
    return _to_checkpoint(path, _read(path))


def load_with_training(path: Path) -> tuple[Checkpoint, dict[str, Any]]:
    """Return the checkpoint at `path` and its training state (see `save`). Raise CheckpointError if
    the file is not a valid checkpoint, or if it has no training state."""
    values = _read(path)
    if not isinstance(values.get("training"), dict):
        raise CheckpointError(f"{path} cannot be resumed: only last.pt holds the training state")
    return _to_checkpoint(path, values), values["training"]


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise CheckpointError(f"no checkpoint at {path}")
    if is_exported(path):
        raise CheckpointError(
            f"{path} is an exported detector: use it with score.py --backend onnx"
        )
    try:
        if detector_folder.is_detector(path):
            values = detector_folder.read(path)
        else:
            checkpoint_limits.check_archive(path)
            values = torch.load(path, map_location="cpu", weights_only=True)
            checkpoint_limits.check_values(values, path.stat().st_size)
    except Exception as error:  # these raise many kinds of exceptions for other files
        raise CheckpointError(
            f"{path} is damaged, or is not a checkpoint that is safe to load ({one_line(error)})"
        ) from error
    if not isinstance(values, dict) or "format" not in values:
        raise CheckpointError(f"{path} is not a checkpoint of this project")
    return values


def is_exported(path: Path) -> bool:
    """Return whether a file is an exported detector: a zip archive that contains EXPORT_ENTRY.
    Checkpoints are zip archives too."""
    try:
        with zipfile.ZipFile(path) as archive:
            return EXPORT_ENTRY in archive.namelist()
    except Exception:  # zipfile raises many kinds of exceptions for other files
        return False


def _to_checkpoint(path: Path, values: dict[str, Any]) -> Checkpoint:
    required = {field.name for field in fields(Checkpoint) if field.default is MISSING}
    version = values["format"]
    if type(version) is not int or version != FORMAT:
        raise CheckpointError(
            f"{path} has checkpoint format {version!r:.40}, but this version reads format {FORMAT}"
        )
    if missing := required - set(values):
        raise CheckpointError(
            f"{path} is not a complete checkpoint: {', '.join(sorted(missing))} is missing"
        )
    for name, kind in KINDS.items():
        value = values.get(name)
        valid = isinstance(value, kind) and not isinstance(value, bool)
        if not valid and (name in required or value is not None):
            raise CheckpointError(f"{path}: its {name} is not of type {kind.__name__}")
    if not checkpoint_limits.is_state_dict(values["weights"]):
        raise CheckpointError(f"{path}: its weights are not tensors with names")
    try:
        faces, clip = FaceConfig.from_dict(values["faces"]), ClipConfig.from_dict(values["clip"])
    except DataError as error:
        raise CheckpointError(f"{path}: {error}") from error
    known = {field.name: values[field.name] for field in fields(Checkpoint) if field.name in values}
    return Checkpoint(**known | {"faces": faces, "clip": clip})


def delete_old_epochs(folder: Path, keep: int) -> None:
    """Delete the files epoch_*.pt of a run folder except the newest `keep`; 0 keeps all."""
    if keep:
        for path in sorted(folder.glob("epoch_*.pt"), key=_epoch)[:-keep]:
            path.unlink()


def _epoch(path: Path) -> int:
    return int(path.stem.removeprefix("epoch_"))
