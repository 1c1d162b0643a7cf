"""A detector: a trained model with its preprocessing and decision rule.

Shapes: N frames, B clips, T frames of a clip, C channels, H, W, E features, K classes.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import nn

from common.preprocessing import ClipConfig, FaceConfig
from scoring.decision_rule import DecisionRule
from scoring.training_range import TrainingRange


class ClipModel(Protocol):
    """What scoring needs of a model: a FrameModel or an exported one."""

    training: bool
    sees_time: bool  # whether the score of a frame depends on its neighbours
    encoder_dtype: torch.dtype  # of the encoder's arithmetic

    @property
    def device(self) -> torch.device: ...

    def encode(self, frames: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) float → (N, E)"""

    def __call__(self, clips: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """(B, T, E) float, (B, T) bool → logits (B, K)"""


@dataclass(frozen=True)
class Detector:
    """A trained model in evaluation mode, on its device."""

    model: ClipModel
    config: dict[str, Any]  # models.ModelConfig
    faces: FaceConfig
    clip: ClipConfig
    rule: DecisionRule
    training_range: TrainingRange
    trained_on: frozenset[int]  # datasets.splits.fingerprints of the training groups

    @property
    def exported(self) -> bool:
        """Whether the model can only score, without gradients."""
        return not isinstance(self.model, nn.Module)
