"""ResNet frame encoder + LSTM over time → logits per clip.

Shapes: B clips, T frames, C channels, H, W, N valid frames of the batch, D features, K classes.
"""

import torch
from torch import nn

from models.encoders import resnet

# Features of a face move little between neighbouring frames. At their own size their changes
# hardly reached the loss, and a fake that flickers was not learned in the demo's time.
CHANGE_SCALE = 2.5


class ResNetRNN(nn.Module):
    """Every frame through a ResNet; its features and how much each changed since the frame
    before through an LSTM; both and the LSTM's outputs, averaged over time, through a linear
    layer.

    The changes are given because an LSTM needs many more clips to find differences by itself,
    and the direct way past it because spatial traces do not need time (docs/decisions.md).
    """

    def __init__(self, encoder: str, embed_dim: int, dropout: float, num_classes: int) -> None:
        super().__init__()
        self.encoder, features = resnet(encoder)
        # 1.15 s instead of 3.4 s for ResNet152 on 16 frames at 224 px on two cores
        self.encoder.to(memory_format=torch.channels_last)
        self.project = nn.Sequential(nn.Linear(features, embed_dim), nn.LayerNorm(embed_dim))
        self.lstm = nn.LSTM(2 * embed_dim, embed_dim, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.classify = nn.Linear(3 * embed_dim, num_classes)

    def forward(self, clips: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """(B, T, C, H, W) float, (B, T) bool → (B, K) logits.

        Padding stands at the end of a clip. Its frames never enter the encoder (batch norm
        would see them) and come after the last valid step of the LSTM, which they cannot reach.
        """
        frames = clips[mask].contiguous(memory_format=torch.channels_last)  # (N, C, H, W)
        valid = self.project(self.encoder(frames))  # (N, D)
        features = valid.new_zeros(*mask.shape, valid.shape[-1])  # (B, T, D)
        features[mask] = valid
        changes = torch.zeros_like(features)
        changes[:, 1:] = CHANGE_SCALE * (features[:, 1:] - features[:, :-1]).abs()
        steps = torch.cat([features, changes], dim=-1)  # (B, T, 2D)
        outputs, _ = self.lstm(steps)  # (B, T, D)
        weights = (mask / mask.sum(dim=1, keepdim=True)).to(outputs.dtype).unsqueeze(-1)
        # Padded steps weigh nothing.
        pooled = (torch.cat([steps, outputs], dim=-1) * weights).sum(dim=1)  # (B, 3D)
        return self.classify(self.dropout(pooled))  # (B, K)
