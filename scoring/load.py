"""Checkpoint file → model ready to judge, and the preprocessing it was trained with."""

from pathlib import Path

import torch

import models
from common import checkpointing
from common.errors import CheckpointError, DataError, PipelineError, one_line
from models import folding
from scoring.decision_rule import Judgement
from scoring.detector import Detector
from scoring.training_range import Familiar


def load_detector(
    path: Path, device: torch.device, precision: torch.dtype = torch.float32
) -> Detector:
    """`precision`: what the encoder computes with. Raise CheckpointError for a file that is
    unusable."""
    checkpoint = checkpointing.load(path)
    try:
        stored = checkpoint.judgement
        judgement = Judgement() if stored is None else Judgement.from_dict(stored)
        stored = checkpoint.familiar
        familiar = Familiar() if stored is None else Familiar.from_dict(stored)
        trained_on = frozenset(map(int, checkpoint.trained_on))
        model = models.rebuild(models.ModelConfig.from_dict(checkpoint.model), checkpoint.weights)
        folding.fold(model.eval().encoder)
    except DataError as error:
        raise CheckpointError(f"{path}: {error}") from error
    except RuntimeError as error:
        raise CheckpointError(f"{path}: its weights do not fit its own model") from error
    except PipelineError:
        raise
    except Exception as error:  # of many kinds, for settings of another type than ours
        raise CheckpointError(f"{path} is damaged ({one_line(error)})") from error
    model.judges_in = precision
    return Detector(
        model.to(device),
        checkpoint.model,
        checkpoint.faces,
        checkpoint.clip,
        judgement,
        familiar,
        trained_on,
    )
