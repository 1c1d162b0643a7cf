"""Temporal heads: frame features (B, T, D) → clip features (B, E).

Shapes: B clips, T frames, D features of a frame, E features of a clip. A mask (B, T) is True where
a frame is real; padding stands at the end of a clip and must not change the result.
"""

import math
from collections.abc import Callable

import torch
from torch import nn

from common.errors import UsageError

# Features of a face change little between neighbouring frames. Unscaled, the changes hardly reached
# the loss, and a fake that flickers was not learned in the demo's time.
CHANGE_SCALE = 2.5
ATTENTION_HEADS = 4  # of the transformer


class Recurrent(nn.Module):
    """An LSTM or GRU over the features and their change since the frame before; its output and both
    of its inputs are averaged over time.

    The changes are inputs because an LSTM needs many more clips to learn differences itself; the
    inputs bypass it because traces within a frame do not need time (docs/decisions.md).
    """

    def __init__(self, kind: type[nn.LSTM] | type[nn.GRU], dim: int, layers: int) -> None:
        super().__init__()
        self.rnn = kind(2 * dim, dim, num_layers=layers, batch_first=True)
        self.features = 3 * dim

    def forward(self, features: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """(B, T, D), (B, T) bool → (B, 3D)"""
        steps = with_changes(features)  # (B, T, 2D)
        # Padding follows the last valid step, which it cannot affect.
        outputs, _ = self.rnn(steps)  # (B, T, D)
        return mean_over_time(torch.cat([steps, outputs], dim=-1), mask)


class Transformer(nn.Module):
    """A transformer encoder (Vaswani et al. 2017) over the features, their changes and their
    position in time, averaged over time together with the features themselves."""

    def __init__(self, dim: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.enter = nn.Linear(2 * dim, dim)
        layer = nn.TransformerEncoderLayer(
            dim, ATTENTION_HEADS, 2 * dim, dropout, batch_first=True, norm_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.features = 2 * dim

    def forward(self, features: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """(B, T, D), (B, T) bool → (B, 2D)"""
        steps = self.enter(with_changes(features))  # (B, T, D)
        steps = steps + position_encoding(mask.shape[1], steps)
        outputs = self.encoder(steps, src_key_padding_mask=~mask)
        return mean_over_time(torch.cat([features, outputs], dim=-1), mask)


class Attention(nn.Module):
    """A mean with a learned weight for each frame (Ilse et al. 2018); ignores their order."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.score = nn.Sequential(nn.Linear(dim, dim), nn.Tanh(), nn.Linear(dim, 1))
        self.features = dim

    def forward(self, features: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """(B, T, D), (B, T) bool → (B, D)"""
        scores = self.score(features).squeeze(-1).masked_fill(~mask, -math.inf)  # (B, T)
        return (features * scores.softmax(dim=1).unsqueeze(-1)).sum(dim=1)


class Pooling(nn.Module):
    """The mean or the maximum over frames; ignores their order."""

    def __init__(self, dim: int, pool: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]):
        super().__init__()
        self.pool, self.features = pool, dim

    def forward(self, features: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """(B, T, D), (B, T) bool → (B, D)"""
        return self.pool(features, mask)


def build(name: str, dim: int, layers: int, dropout: float) -> nn.Module:
    """Return the head lstm, gru, transformer, attention, mean or max. Raise UsageError for a
    dimension that the transformer's attention heads do not divide."""
    if name == "transformer" and dim % ATTENTION_HEADS:
        raise UsageError(
            f"--temporal transformer needs an --embed_dim divisible by {ATTENTION_HEADS}"
        )
    if name in ("lstm", "gru"):
        return Recurrent(nn.LSTM if name == "lstm" else nn.GRU, dim, layers)
    if name == "transformer":
        return Transformer(dim, layers, dropout)
    if name == "attention":
        return Attention(dim)
    return Pooling(dim, max_over_time if name == "max" else mean_over_time)


def with_changes(features: torch.Tensor) -> torch.Tensor:
    """Append to features (B, T, D) their absolute change since the frame before, 0 for the first:
    (B, T, 2D)."""
    changes = torch.zeros_like(features)
    changes[:, 1:] = CHANGE_SCALE * (features[:, 1:] - features[:, :-1]).abs()
    return torch.cat([features, changes], dim=-1)


def mean_over_time(steps: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Average (B, T, E) over the valid steps: (B, E)."""
    weights = (mask / mask.sum(dim=1, keepdim=True)).to(steps.dtype).unsqueeze(-1)
    return (steps * weights).sum(dim=1)


def max_over_time(steps: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Return the maximum of (B, T, E) over the valid steps: (B, E)."""
    return steps.masked_fill(~mask.unsqueeze(-1), -math.inf).amax(dim=1)


def position_encoding(count: int, like: torch.Tensor) -> torch.Tensor:
    """Return sines and cosines of falling frequency (T, D), with dtype and device of `like`."""
    dim = like.shape[-1]
    time = torch.arange(count, device=like.device, dtype=torch.float32).unsqueeze(1)
    frequency = torch.exp(
        torch.arange(0, dim, 2, device=like.device, dtype=torch.float32) * (-math.log(1e4) / dim)
    )
    angles = time * frequency
    return torch.cat([angles.sin(), angles.cos()], dim=1)[:, :dim].to(like.dtype)
