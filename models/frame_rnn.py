"""CNN frame encoder + a temporal head, or none → logits per clip.

Shapes: B clips, T frames, C channels, H, W, N valid frames of the batch, D features, K classes.
"""

import math

import torch
from torch import nn

from common.errors import UsageError
from models.encoders import Encoder, stages
from models.temporal import build as build_head


class FrameModel(nn.Module):
    """What every model does with single frames."""

    sees_time = True  # whether what it says of a frame depends on its neighbours

    def __init__(self, encoder: Encoder, embed_dim: int) -> None:
        super().__init__()
        self.encoder = encoder.module
        self.frozen = 0  # stages of the encoder that training leaves as they are
        self.judges_in = torch.float32  # what the encoder computes with in judging
        # 1.15 s instead of 3.4 s for ResNet152 on 16 frames at 224 px on two cores
        self.encoder.to(memory_format=torch.channels_last)
        self.project = nn.Sequential(
            nn.Linear(encoder.features, embed_dim), nn.LayerNorm(embed_dim)
        )

    @property
    def device(self) -> torch.device:
        return self.project[0].weight.device

    def freeze(self, count: int) -> None:
        """Leave the first `count` stages of the encoder as they are, batch norm's statistics too.
        Raise UsageError when it has fewer."""
        names = [name for name, _ in stages(self.encoder)]
        if count > len(names):
            listed = ", ".join(f"{i} {name}" for i, name in enumerate(names, start=1))
            raise UsageError(f"--freeze {count}: this encoder has {len(names)} stages ({listed})")
        self.frozen = count
        for _, stage in stages(self.encoder)[:count]:
            stage.requires_grad_(False)
        for parameter in self.encoder.parameters(recurse=False):  # such as places in the image
            parameter.requires_grad_(False)

    def train(self, mode: bool = True) -> "FrameModel":
        super().train(mode)
        for _, stage in stages(self.encoder)[: self.frozen]:
            stage.eval()
        return self

    def embed(self, clips: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """(B, T, C, H, W) float, (B, T) bool → features of the valid frames (N, D).

        Padded frames never enter the encoder: batch norm would see them. (B, T, E) are what the
        encoder gave earlier, and go past it.
        """
        frames = clips[mask]  # (N, C, H, W)
        return self.project(self.encode(frames) if frames.dim() > 2 else frames)

    def encode(self, frames: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) float → (N, E), which stand for the frames wherever clips are expected."""
        frames = frames.contiguous(memory_format=torch.channels_last)
        if self.judges_in == torch.float32:  # or what training has chosen around this
            return self.encoder(frames)
        with torch.autocast(frames.device.type, self.judges_in):
            return self.encoder(frames).float()


class FrameRNN(FrameModel):
    """Every frame through a CNN, its features through a temporal head (models/temporal.py) and a
    linear layer."""

    def __init__(
        self,
        encoder: Encoder,
        embed_dim: int,
        dropout: float,
        num_classes: int,
        temporal: str,
        temporal_layers: int,
        bidirectional: bool,
    ) -> None:
        super().__init__(encoder, embed_dim)
        self.temporal = build_head(temporal, embed_dim, temporal_layers, bidirectional, dropout)
        self.dropout = nn.Dropout(dropout)
        self.classify = nn.Linear(self.temporal.features, num_classes)

    def forward(self, clips: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """(B, T, C, H, W) float, (B, T) bool → (B, K) logits. Padding stands at a clip's end."""
        valid = self.embed(clips, mask)
        features = valid.new_zeros(*mask.shape, valid.shape[-1])  # (B, T, D)
        features[mask] = valid
        return self.classify(self.dropout(self.temporal(features, mask)))  # (B, K)


class SingleFrames(FrameModel):
    """Every frame judged alone; a clip's probabilities are the mean of its frames'."""

    sees_time = False

    def __init__(self, encoder: Encoder, embed_dim: int, dropout: float, num_classes: int) -> None:
        super().__init__(encoder, embed_dim)
        self.dropout = nn.Dropout(dropout)
        self.classify = nn.Linear(embed_dim, num_classes)

    def forward(self, clips: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """(B, T, C, H, W) float, (B, T) bool → (B, K) log-probabilities, which are logits."""
        logits = self.classify(self.dropout(self.embed(clips, mask)))  # (N, K)
        valid = logits.float().log_softmax(dim=-1)  # bfloat16 would be coarse near 0
        logs = valid.new_full((*mask.shape, valid.shape[-1]), -math.inf)  # (B, T, K)
        logs[mask] = valid
        return logs.logsumexp(dim=1) - mask.sum(dim=1, keepdim=True).log()
