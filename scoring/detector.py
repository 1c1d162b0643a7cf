"""A detector: a trained model with its preprocessing and decision rule.

Shapes: N frames, B clips, T frames of a clip, C channels, H, W, E features, K classes.
"""

from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import nn

from common.errors import DataError
from common.preprocessing import ClipConfig, FaceConfig
from scoring.decision_rule import DecisionRule
from scoring.training_range import TrainingRange


class ClipModel(Protocol):
    """The interface of models that can score: a FrameModel or an exported model."""

    training: bool  # whether it is in training mode
    sees_time: bool  # whether a frame's score depends on the other frames of its clip
    encoder_dtype: torch.dtype  # the encoder's precision

    @property
    def device(self) -> torch.device: ...

    def encode(self, frames: torch.Tensor) -> torch.Tensor:
        """Return the encoder's features (N, E) of frames (N, C, H, W) float."""

    def __call__(self, clips: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return logits (B, K) for `clips`, features (B, T, E) from `encode`. `mask` (B, T) bool is
        True for real frames and False for padding at the end of a clip."""


@dataclass(frozen=True)
class Detector:
    """A trained model in evaluation mode, on its device."""

    model: ClipModel
    config: dict[str, Any]  # models.ModelConfig as a dict
    faces: FaceConfig  # how crops are made from a video
    clip: ClipConfig  # how clips are made from crops
    rule: DecisionRule
    training_range: TrainingRange
    trained_on: frozenset[int]  # datasets.splits.fingerprints of the training groups
    # Of a detector that ships: name, licence, card and more; else empty.
    about: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raise DataError if `about` is neither empty nor names what it must name."""
        texts = [self.about.get(name) for name in ("name", "licence", "card")]
        if self.about and not all(isinstance(text, str) and text.isprintable() for text in texts):
            raise DataError("its name, licence and model card are not texts")

    @property
    def exported(self) -> bool:
        """Whether the model is an exported one, which cannot compute gradients."""
        return not isinstance(self.model, nn.Module)
