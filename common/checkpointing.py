"""What a checkpoint holds; atomic save, safe load. Builds nothing.

A checkpoint rebuilds its model and its preprocessing without any flag.
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
    model: dict[str, Any]  # settings, as models.ModelConfig reads them
    weights: dict[str, torch.Tensor]
    faces: FaceConfig
    clip: ClipConfig
    classes: list[str]  # in label order
    trained_on: list[int]  # datasets.splits.fingerprints of the training groups
    data: dict[str, Any]  # datasets.manifest.fingerprint of what it was trained with
    epoch: int  # from 1
    metrics: dict[str, float | None]  # the epoch's row of history.csv
    judgement: dict[str, Any] | None = None  # scoring.judgement.Judgement; None: not calibrated
    familiar: dict[str, Any] | None = None  # scoring.familiar.Familiar; None: not known


def save(path: Path, checkpoint: Checkpoint, training: dict[str, Any] | None = None) -> None:
    """Write a checkpoint; `training` holds what only a resumed run needs (optimizer, scheduler,
    random states). A kill at any moment leaves the file as it was before."""
    values = {field.name: getattr(checkpoint, field.name) for field in fields(Checkpoint)}
    values |= {"faces": checkpoint.faces.to_dict(), "clip": checkpoint.clip.to_dict()}
    values |= {"format": FORMAT}
    if training is not None:
        values["training"] = training
    _write(path, values)


def store_judgement(path: Path, judgement: dict[str, Any]) -> None:
    """Replace the judgement in a checkpoint and nothing else. Raise CheckpointError as `load`."""
    values = _read(path)
    _checkpoint(path, values)
    _write(path, values | {"judgement": judgement})


def _write(path: Path, values: dict[str, Any]) -> None:
    with replacing(path) as partial, partial.open("wb") as file:
        torch.save(values, file)
        file.flush()
        os.fsync(file.fileno())


def load(path: Path) -> Checkpoint:
    """Read a checkpoint onto the CPU, never running code from it.

    Raise CheckpointError for a file that is missing, damaged, foreign, of another version, or
    that would run code.
    """
    return _checkpoint(path, _read(path))


def load_with_training(path: Path) -> tuple[Checkpoint, dict[str, Any]]:
    """`load`, and what was saved as `training`."""
    values = _read(path)
    if not isinstance(values.get("training"), dict):
        raise CheckpointError(f"{path} cannot be continued: only last.pt holds the training state")
    return _checkpoint(path, values), values["training"]


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise CheckpointError(f"no checkpoint at {path}")
    if is_exported(path):
        raise CheckpointError(f"{path} is an exported detector: judge by score.py --backend onnx")
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


def _checkpoint(path: Path, values: dict[str, Any]) -> Checkpoint:
    needed = {field.name for field in fields(Checkpoint) if field.default is MISSING}
    if type(values["format"]) is not int or values["format"] != FORMAT or not needed <= set(values):
        raise CheckpointError(
            f"{path} has checkpoint format {values['format']!r:.40}, this version reads {FORMAT}"
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


def keep_newest(folder: Path, count: int) -> None:
    """Delete all but the `count` newest epoch_*.pt of a run; 0 keeps all."""
    if count:
        for path in sorted(folder.glob("epoch_*.pt"), key=_epoch)[:-count]:
            path.unlink()


def _epoch(path: Path) -> int:
    return int(path.stem.removeprefix("epoch_"))
