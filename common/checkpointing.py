"""What a checkpoint holds, saved atomically and loaded safely. Builds no model.

A checkpoint contains everything needed to rebuild its model and preprocessing without any flag.
"""

import os
import zipfile
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any

import torch

from common.errors import CheckpointError, DataError
from common.files import replacing
from common.preprocessing import ClipConfig, FaceConfig

FORMAT = 4  # raised when a stored field changes its meaning
EXPORT_ENTRY = "detector.json"  # of the zip file that export/detector_file.py writes


@dataclass
class Checkpoint:
    """The fields of a checkpoint file, under the names that they have in it."""

    model: dict[str, Any]  # models.ModelConfig
    weights: dict[str, torch.Tensor]
    faces: FaceConfig
    clip: ClipConfig
    classes: list[str]  # in label order
    trained_on: list[int]  # datasets.splits.fingerprints of the training groups
    data: dict[str, Any]  # datasets.manifest.fingerprint of the training manifest
    epoch: int  # from 1
    metrics: dict[str, float | None]  # the epoch's row of history.csv
    judgement: dict[str, Any] | None = None  # scoring.decision_rule.DecisionRule; None: not fitted
    familiar: dict[str, Any] | None = None  # scoring.training_range.TrainingRange; None: unknown


def save(path: Path, checkpoint: Checkpoint, training: dict[str, Any] | None = None) -> None:
    """Write a checkpoint. `training` holds what only a resumed run needs: optimizer state, position
    and random states. A kill at any moment leaves the file as it was."""
    values = {field.name: getattr(checkpoint, field.name) for field in fields(Checkpoint)}
    values |= {"faces": checkpoint.faces.to_dict(), "clip": checkpoint.clip.to_dict()}
    values |= {"format": FORMAT}
    if training is not None:
        values["training"] = training
    _write(path, values)


def store_decision_rule(path: Path, rule: dict[str, Any]) -> None:
    """Replace a checkpoint's decision rule and nothing else. Raise CheckpointError as `load`."""
    values = _read(path)
    _to_checkpoint(path, values)
    _write(path, values | {"judgement": rule})


def _write(path: Path, values: dict[str, Any]) -> None:
    with replacing(path) as partial, partial.open("wb") as file:
        torch.save(values, file)
        file.flush()
        os.fsync(file.fileno())


def load(path: Path) -> Checkpoint:
    """Read a checkpoint onto the CPU without running code from it.

    Raise CheckpointError for a file that is missing, damaged, foreign, of another version, or that
    contains code.
    """
    return _to_checkpoint(path, _read(path))


def load_with_training(path: Path) -> tuple[Checkpoint, dict[str, Any]]:
    """Read a checkpoint and what was saved as `training`. Raise CheckpointError as `load`, and for
    a checkpoint without training state."""
    values = _read(path)
    if not isinstance(values.get("training"), dict):
        raise CheckpointError(f"{path} cannot be resumed: only last.pt holds the training state")
    return _to_checkpoint(path, values), values["training"]


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise CheckpointError(f"no checkpoint at {path}")
    if is_exported(path):
        raise CheckpointError(
            f"{path} is an exported detector: judge by it with score.py --backend onnx"
        )
    try:
        values = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch.load raises many kinds for a file that is not its own
        raise CheckpointError(
            f"{path} is damaged or not a checkpoint that is safe to load ({type(error).__name__})"
        ) from error
    if not isinstance(values, dict) or "format" not in values:
        raise CheckpointError(f"{path} is not a checkpoint of this project")
    return values


def is_exported(path: Path) -> bool:
    """Return whether a file claims to be an exported detector. Like a checkpoint, it is a zip."""
    try:
        with zipfile.ZipFile(path) as archive:
            return EXPORT_ENTRY in archive.namelist()
    except Exception:  # zipfile raises many kinds for a file that is not its own
        return False


def _to_checkpoint(path: Path, values: dict[str, Any]) -> Checkpoint:
    required = {field.name for field in fields(Checkpoint) if field.default is MISSING}
    version = values["format"]
    if type(version) is not int or version != FORMAT or not required <= set(values):
        raise CheckpointError(
            f"{path} has checkpoint format {version!r:.40}, this version reads {FORMAT}"
        )
    dicts = [values[name] for name in ("model", "weights", "faces", "clip")]
    dicts += [values.get(name) or {} for name in ("judgement", "familiar")]
    if not all(isinstance(value, dict) for value in dicts) or not isinstance(
        values["trained_on"], list
    ):
        raise CheckpointError(f"{path} is not a checkpoint of this project")
    try:
        faces, clip = FaceConfig.from_dict(values["faces"]), ClipConfig.from_dict(values["clip"])
    except DataError as error:
        raise CheckpointError(f"{path}: {error}") from error
    known = {field.name: values[field.name] for field in fields(Checkpoint) if field.name in values}
    return Checkpoint(**known | {"faces": faces, "clip": clip})


def delete_old_epochs(folder: Path, keep: int) -> None:
    """Delete all but the newest `keep` files epoch_*.pt of a run; 0 keeps all."""
    if keep:
        for path in sorted(folder.glob("epoch_*.pt"), key=_epoch)[:-keep]:
            path.unlink()


def _epoch(path: Path) -> int:
    return int(path.stem.removeprefix("epoch_"))
