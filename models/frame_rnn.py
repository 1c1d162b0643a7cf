"""Assembled models: a CNN frame encoder with a temporal head, or without one → logits per clip.

Shapes: B clips, T frames, C channels, H, W, N valid frames of the batch, E features of the encoder,
D features after projection, K classes.
"""

import math
from typing import Any

import torch
from torch import nn

from common.errors import UsageError
from models.encoders import Encoder, stages
from models.temporal import build as build_head


class FrameModel(nn.Module):
    """What all models do with single frames."""

    sees_time = True  # whether the score of a frame depends on its neighbours

    def __init__(self, encoder: Encoder, embed_dim: int) -> None:
        super().__init__()
        self.encoder = encoder.module
        self.frozen = 0  # number of the encoder's stages that training leaves unchanged
        self.encoder_dtype = torch.float32  # of the encoder's arithmetic in scoring
        # ResNet152 takes 1.15 s instead of 3.4 s for 16 frames of 224 px on two cores.
        self.encoder.to(memory_format=torch.channels_last)
        self.project = nn.Sequential(
            nn.Linear(encoder.features, embed_dim), nn.LayerNorm(embed_dim)
        )

    @property
    def device(self) -> torch.device:
        return next(self.project.parameters()).device

    @property
    def features(self) -> int:
        """E, the number of the encoder's features."""
        linear = self.project[0]
        assert isinstance(linear, nn.Linear)
        return linear.in_features

    def freeze(self, count: int) -> None:
        """Freeze the encoder's first `count` stages, batch norm's statistics included. Raise
        UsageError if it has fewer."""
        names = [name for name, _ in stages(self.encoder)]
        if count > len(names):
            listed = ", ".join(f"{i} {name}" for i, name in enumerate(names, start=1))
            raise UsageError(f"--freeze {count}: this encoder has {len(names)} stages ({listed})")
        self.frozen = count
        for _, stage in stages(self.encoder)[:count]:
            stage.requires_grad_(False)
        for parameter in self.encoder.parameters(recurse=False):  # such as position embeddings
            parameter.requires_grad_(False)

    def train(self, mode: bool = True) -> "FrameModel":
        super().train(mode)
        for _, stage in stages(self.encoder)[: self.frozen]:
            stage.eval()
        return self

    def embed(self, clips: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """(B, T, C, H, W) float, (B, T) bool → features of the valid frames (N, D).

        Padded frames never enter the encoder: batch norm would see them. `clips` may also be the
        encoder's features (B, T, E), computed earlier.
        """
        frames = clips[mask]  # (N, C, H, W) or (N, E)
        return self.project(self.encode(frames) if frames.dim() > 2 else frames)

    def encode(self, frames: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) float → (N, E), which every method accepts in place of pixels."""
        frames = frames.contiguous(memory_format=torch.channels_last)
        if self.encoder_dtype == torch.float32:  # or the autocast that training has set
            return self.encoder(frames)
        with torch.autocast(frames.device.type, self.encoder_dtype):
            return self.encoder(frames).float()


class FrameRNN(FrameModel):
    """Encodes every frame, then applies a temporal head (models/temporal.py) and a linear layer."""

    def __init__(
        self,
        encoder: Encoder,
        embed_dim: int,
        dropout: float,
        num_classes: int,
        *,
        temporal: str,
        temporal_layers: int,
    ) -> None:
        super().__init__(encoder, embed_dim)
        head: Any = build_head(temporal, embed_dim, temporal_layers, dropout)
        self.temporal = head
        self.dropout = nn.Dropout(dropout)
        self.classify = nn.Linear(head.features, num_classes)

    def forward(self, clips: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """(B, T, C, H, W) float, (B, T) bool → logits (B, K). Padding stands at a clip's end."""
        valid = self.embed(clips, mask)
        features = valid.new_zeros(*mask.shape, valid.shape[-1])  # (B, T, D)
        features[mask] = valid
        return self.classify(self.dropout(self.temporal(features, mask)))  # (B, K)


class SingleFrames(FrameModel):
    """Classifies every frame alone; a clip's probabilities are the mean of its frames'."""

    sees_time = False

    def __init__(self, encoder: Encoder, embed_dim: int, dropout: float, num_classes: int) -> None:
        super().__init__(encoder, embed_dim)
        self.dropout = nn.Dropout(dropout)
        self.classify = nn.Linear(embed_dim, num_classes)

    def forward(self, clips: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """(B, T, C, H, W) float, (B, T) bool → log-probabilities (B, K), which serve as logits."""
        logits = self.classify(self.dropout(self.embed(clips, mask)))  # (N, K)
        valid = logits.float().log_softmax(dim=-1)  # bfloat16 would be coarse near 0
        logs = valid.new_full((*mask.shape, valid.shape[-1]), -math.inf)  # (B, T, K)
        logs[mask] = valid
        return logs.logsumexp(dim=1) - mask.sum(dim=1, keepdim=True).log()
