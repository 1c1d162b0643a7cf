"""Loads a checkpoint file as a detector or as a content classifier."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

import models
from common import checkpointing
from common.checkpointing import Checkpoint
from common.errors import CheckpointError, DataError, PipelineError, one_line
from datasets import classes
from models import folding
from models.frame_rnn import FrameModel
from scoring.content import ContentClassifier
from scoring.decision_rule import DecisionRule
from scoring.detector import Detector
from scoring.training_range import TrainingRange


def load_detector(
    path: Path, device: torch.device, precision: torch.dtype = torch.float32
) -> Detector:
    """Return the detector in a checkpoint file, on `device` and with its encoder in `precision`.
    Raise CheckpointError if the file is missing, damaged or from another version, UsageError if its
    encoder is not available here, for example because timm is not installed."""
    return build_detector(checkpointing.load(path), path, device, precision)


def build_detector(
    checkpoint: Checkpoint, path: Path, device: torch.device, precision: torch.dtype = torch.float32
) -> Detector:
    """Return the detector in a checkpoint that was read from `path`; see `load_detector`."""
    if classes.are_content(checkpoint.classes):
        raise CheckpointError(
            f"{path} is a content classifier ({_listed(checkpoint.classes)}), not a detector: it "
            "gives no verdict; use it with --content_checkpoint, or evaluate.py --task content"
        )
    with _explained(path):
        stored = checkpoint.judgement
        rule = DecisionRule() if stored is None else DecisionRule.from_dict(stored)
        stored = checkpoint.familiar
        training_range = TrainingRange() if stored is None else TrainingRange.from_dict(stored)
        model = _build_model(checkpoint)
        model.encoder_dtype = precision
        return Detector(
            model=model.to(device),
            config=checkpoint.model,
            faces=checkpoint.faces,
            clip=checkpoint.clip,
            rule=rule,
            training_range=training_range,
            trained_on=frozenset(map(int, checkpoint.trained_on)),
            about=checkpoint.about or {},
        )


def load_content(path: Path, device: torch.device) -> ContentClassifier:
    """Return the content classifier in a checkpoint file, on `device`. Raise CheckpointError if it
    is a detector, and otherwise as `load_detector`."""
    checkpoint = checkpointing.load(path)
    names = checkpoint.classes
    if not classes.are_content(names):
        raise CheckpointError(
            f"{path} is a detector, not a content classifier: train one with --task content"
        )
    with _explained(path):
        model = _build_model(checkpoint)
        outputs = models.ModelConfig.from_dict(checkpoint.model).num_classes
        texts = all(isinstance(name, str) and name.isprintable() for name in names)
        if not texts or not len(names) == len(set(names)) == outputs:
            raise DataError("its classes are not the outputs of its model")
        return ContentClassifier(
            model=model.to(device),
            classes=names,
            faces=checkpoint.faces,
            clip=checkpoint.clip,
            trained_on=frozenset(map(int, checkpoint.trained_on)),
        )


def _build_model(checkpoint: Checkpoint) -> FrameModel:
    config = models.ModelConfig.from_dict(checkpoint.model)
    model = models.rebuild(config, checkpoint.weights)
    folding.fold(model.eval().encoder)
    return model


def _listed(names: list[Any]) -> str:
    """Return the first eight names, for an error message."""
    return ", ".join(f"{name!s:.40}" for name in names[:8]) + (", …" if len(names) > 8 else "")


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Raise CheckpointError that names `path` for what goes wrong in the block."""
    try:
        yield
    except DataError as error:
        raise CheckpointError(f"{path}: {error}") from error
    except RuntimeError as error:
        raise CheckpointError(f"{path} is damaged: its weights do not fit its model") from error
    except PipelineError:
        raise
    except Exception as error:  # settings of unexpected types raise exceptions of many types
        raise CheckpointError(f"{path} is damaged ({one_line(error)})") from error
