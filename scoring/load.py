"""Loads a checkpoint file as a detector."""

from pathlib import Path

import torch

import models
from common import checkpointing
from common.checkpointing import Checkpoint
from common.errors import CheckpointError, DataError, PipelineError, one_line
from models import folding
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
    try:
        stored = checkpoint.judgement
        rule = DecisionRule() if stored is None else DecisionRule.from_dict(stored)
        stored = checkpoint.familiar
        training_range = TrainingRange() if stored is None else TrainingRange.from_dict(stored)
        trained_on = frozenset(map(int, checkpoint.trained_on))
        model = models.rebuild(models.ModelConfig.from_dict(checkpoint.model), checkpoint.weights)
        folding.fold(model.eval().encoder)
        model.encoder_dtype = precision
        return Detector(
            model=model.to(device),
            config=checkpoint.model,
            faces=checkpoint.faces,
            clip=checkpoint.clip,
            rule=rule,
            training_range=training_range,
            trained_on=trained_on,
            about=checkpoint.about or {},
        )
    except DataError as error:
        raise CheckpointError(f"{path}: {error}") from error
    except RuntimeError as error:
        raise CheckpointError(f"{path} is damaged: its weights do not fit its model") from error
    except PipelineError:
        raise
    except Exception as error:  # settings of unexpected types raise exceptions of many types
        raise CheckpointError(f"{path} is damaged ({one_line(error)})") from error
