"""Complete models, clips → logits: a frame encoder with a temporal head, or without one.

Shapes: B clips, T frames, C channels, H, W, N frames that are not padding, E features of the
encoder, D features after projection, K classes. A mask (B, T) bool is True for real frames and
False for padding; on any device it gives the same result, in main memory without waiting for a GPU.
"""

import math
from typing import Any

import torch
from torch import nn

from common.errors import UsageError
from models import padding, projection
from models.encoders import Encoder, stages
from models.temporal import build as build_head


class FrameModel(nn.Module):
    """The base class of all models: a frame encoder and the projection of its features."""

    sees_time = True  # whether a frame's score depends on the other frames of its clip

    def __init__(self, encoder: Encoder, embed_dim: int, head: str = "") -> None:
        super().__init__()
        self.features = encoder.features  # E, of a frame
        self.encoder = encoder.module
        self.frozen = 0  # number of the encoder's first stages that training leaves unchanged
        self.encoder_dtype = torch.float32  # the encoder's precision in scoring
        # In this format ResNet152 takes 1.15 s, not 3.4 s, for 16 frames of 224 px on two cores.
        self.encoder.to(memory_format=torch.channels_last)
        self.project, self.dim = projection.build(head, encoder.features, embed_dim)  # D

    @property
    def device(self) -> torch.device:
        return next(self.parameters()).device

    def freeze(self, count: int) -> None:
        """Freeze the encoder's first `count` stages, including batch norm's running statistics, and
        its parameters outside the stages. Raise UsageError if it has fewer than `count` stages."""
        names = [name for name, _ in stages(self.encoder)]
        if count > len(names):
            listed = ", ".join(f"{i} {name}" for i, name in enumerate(names, start=1))
            raise UsageError(
                f"--freeze {count}: this encoder has only {len(names)} stages ({listed})"
            )
        self.frozen = count
        for _, stage in stages(self.encoder)[:count]:
            stage.requires_grad_(False)
        for parameter in self.encoder.parameters(recurse=False):  # such as position embeddings
            parameter.requires_grad_(False)

    def train(self, mode: bool = True) -> "FrameModel":
        """Set training or evaluation mode; frozen stages always stay in evaluation mode."""
        super().train(mode)
        for _, stage in stages(self.encoder)[: self.frozen]:
            stage.eval()
        return self

    def embed(self, clips: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return the projected features (N, D) of the frames where `mask` (B, T) bool is True.

        `clips` are pixels (B, T, C, H, W) float, or features (B, T, E) that `encode` has computed.
        Padding never enters the encoder: it would change batch norm's statistics.
        """
        frames = padding.remove(clips, mask)  # (N, C, H, W) or (N, E)
        return self.project(self.encode(frames) if frames.dim() > 2 else frames)

    def encode(self, frames: torch.Tensor) -> torch.Tensor:
        """Return the encoder's features (N, E) of frames (N, C, H, W) float. `embed` and `forward`
        accept such features as (B, T, E) in place of pixels."""
        frames = frames.contiguous(memory_format=torch.channels_last)
        if self.encoder_dtype == torch.float32:  # or the autocast that surrounds this in training
            return self.encoder(frames)
        with torch.autocast(frames.device.type, self.encoder_dtype):
            return self.encoder(frames).float()


class FrameRNN(FrameModel):
    """A model that encodes every frame, combines the frames of a clip with a temporal head
    (models/temporal.py), and classifies the result with a linear layer."""

    def __init__(
        self,
        encoder: Encoder,
        embed_dim: int,
        dropout: float,
        num_classes: int,
        *,
        temporal: str,
        temporal_layers: int,
        head: str = "",
    ) -> None:
        super().__init__(encoder, embed_dim, head)
        combine: Any = build_head(temporal, self.dim, temporal_layers, dropout)
        self.temporal = combine
        self.dropout = nn.Dropout(dropout)
        self.classify = nn.Linear(combine.features, num_classes)

    def forward(self, clips: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return logits (B, K) for `clips`, pixels (B, T, C, H, W) float or features (B, T, E).
        `mask` (B, T) bool is True for real frames and False for padding, which must be at the end
        of each clip."""
        features = padding.restore(self.embed(clips, mask), mask)  # (B, T, D)
        mask = mask.to(features.device, non_blocking=True)
        return self.classify(self.dropout(self.temporal(features, mask)))  # (B, K)


class SingleFrames(FrameModel):
    """A model that classifies every frame alone and averages the probabilities over each clip."""

    sees_time = False

    def __init__(
        self, encoder: Encoder, embed_dim: int, dropout: float, num_classes: int, head: str = ""
    ) -> None:
        super().__init__(encoder, embed_dim, head)
        self.dropout = nn.Dropout(dropout)
        self.classify = nn.Linear(self.dim, num_classes)

    def forward(self, clips: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return log-probabilities (B, K), which can be used as logits: the log of the mean of the
        frames' class probabilities. `clips` holds pixels (B, T, C, H, W) float or features
        (B, T, E). `mask` (B, T) bool is False for padding, which is ignored."""
        logits = self.classify(self.dropout(self.embed(clips, mask)))  # (N, K)
        valid = logits.float().log_softmax(dim=-1)  # bfloat16 is too coarse near 0
        logs = padding.restore(valid, mask, value=-math.inf)  # (B, T, K)
        counts = mask.sum(dim=1, keepdim=True).to(logs.device, non_blocking=True)  # (B, 1)
        return logs.logsumexp(dim=1) - counts.log()
