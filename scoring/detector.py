"""What judging needs: a model, and the preprocessing and judgement that go with it.

Shapes: N frames, B clips, T frames of a clip, C channels, H, W, E features, K classes.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import nn

from common.preprocessing import ClipConfig, FaceConfig
from scoring.decision_rule import Judgement
from scoring.training_range import Familiar


class ClipModel(Protocol):
    """What judging asks of a model: of a FrameModel, or of what was exported of one."""

    training: bool
    sees_time: bool  # whether what it says of a frame depends on its neighbours
    judges_in: torch.dtype  # what its encoder computes with

    @property
    def device(self) -> torch.device: ...

    def encode(self, frames: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) float → (N, E)"""

    def __call__(self, clips: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """(B, T, E) float, (B, T) bool → (B, K) logits"""


@dataclass(frozen=True)
class Detector:
    """A trained model in evaluation mode, on its device."""

    model: ClipModel
    config: dict[str, Any]  # that rebuilds the model
    faces: FaceConfig
    clip: ClipConfig
    judgement: Judgement
    familiar: Familiar
    trained_on: frozenset[int]  # datasets.splits.fingerprints of the training groups

    @property
    def exported(self) -> bool:
        """Whether the model is there for judging alone, without gradients."""
        return not isinstance(self.model, nn.Module)
