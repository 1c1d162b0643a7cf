"""What a model makes of a clip's frames in their order: features (B, T, D) → clip (B, E).

Shapes: B clips, T frames, D features of a frame, E features of a clip. A mask (B, T) is True
where a frame is real; padding stands at the end of a clip, and must not move the result.
"""

import math
from collections.abc import Callable

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from common.errors import UsageError

# Features of a face move little between neighbouring frames. At their own size their changes
# hardly reached the loss, and a fake that flickers was not learned in the demo's time.
CHANGE_SCALE = 2.5
HEADS = 4  # of the transformer's attention


class Recurrent(nn.Module):
    """The features and how much each changed since the frame before through an LSTM or a GRU; both
    and its outputs, averaged over time.

    The changes are given because an LSTM needs many more clips to find differences by itself,
    and the direct way past it because spatial traces do not need time (docs/decisions.md).
    """

    def __init__(self, kind: type[nn.RNNBase], dim: int, layers: int, bidirectional: bool) -> None:
        super().__init__()
        self.rnn = kind(
            2 * dim, dim, num_layers=layers, batch_first=True, bidirectional=bidirectional
        )
        self.features = (4 if bidirectional else 3) * dim

    def forward(self, features: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        steps = with_changes(features)  # (B, T, 2D)
        if self.rnn.bidirectional:  # the way back begins at the last valid step
            packed = pack_padded_sequence(
                steps, mask.sum(dim=1).cpu(), batch_first=True, enforce_sorted=False
            )
            outputs, _ = pad_packed_sequence(
                self.rnn(packed)[0], batch_first=True, total_length=mask.shape[1]
            )
        else:  # padding comes after the last valid step, which it cannot reach
            outputs, _ = self.rnn(steps)
        return mean_over_time(torch.cat([steps, outputs], dim=-1), mask)


class Transformer(nn.Module):
    """The features and their changes, with their place in time, through a transformer encoder
    (Vaswani et al. 2017), averaged over time beside the features themselves."""

    def __init__(self, dim: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.enter = nn.Linear(2 * dim, dim)
        layer = nn.TransformerEncoderLayer(
            dim, HEADS, 2 * dim, dropout, batch_first=True, norm_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.features = 2 * dim

    def forward(self, features: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        steps = self.enter(with_changes(features))
        steps = steps + places_in_time(mask.shape[1], steps)
        outputs = self.encoder(steps, src_key_padding_mask=~mask)
        return mean_over_time(torch.cat([features, outputs], dim=-1), mask)


class Attention(nn.Module):
    """A mean in which every frame has a learned weight (Ilse et al. 2018); blind to their order."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.score = nn.Sequential(nn.Linear(dim, dim), nn.Tanh(), nn.Linear(dim, 1))
        self.features = dim

    def forward(self, features: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        scores = self.score(features).squeeze(-1).masked_fill(~mask, -math.inf)  # (B, T)
        return (features * scores.softmax(dim=1).unsqueeze(-1)).sum(dim=1)


class Pooling(nn.Module):
    """The mean or the maximum over frames; blind to their order."""

    def __init__(self, dim: int, pool: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]):
        super().__init__()
        self.pool, self.features = pool, dim

    def forward(self, features: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return self.pool(features, mask)


def build(name: str, dim: int, layers: int, bidirectional: bool, dropout: float) -> nn.Module:
    """lstm, gru, transformer, attention, mean or max. Raise UsageError for a width that a
    transformer cannot divide among its heads."""
    if name == "transformer" and dim % HEADS:
        raise UsageError(f"--temporal transformer needs an --embed_dim divisible by {HEADS}")
    if name in ("lstm", "gru"):
        return Recurrent(nn.LSTM if name == "lstm" else nn.GRU, dim, layers, bidirectional)
    if name == "transformer":
        return Transformer(dim, layers, dropout)
    if name == "attention":
        return Attention(dim)
    return Pooling(dim, max_over_time if name == "max" else mean_over_time)


def with_changes(features: torch.Tensor) -> torch.Tensor:
    """(B, T, D) → (B, T, 2D): and the absolute change since the frame before, 0 in the first."""
    changes = torch.zeros_like(features)
    changes[:, 1:] = CHANGE_SCALE * (features[:, 1:] - features[:, :-1]).abs()
    return torch.cat([features, changes], dim=-1)


def mean_over_time(steps: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """(B, T, E) → (B, E); padded steps weigh nothing."""
    weights = (mask / mask.sum(dim=1, keepdim=True)).to(steps.dtype).unsqueeze(-1)
    return (steps * weights).sum(dim=1)


def max_over_time(steps: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    return steps.masked_fill(~mask.unsqueeze(-1), -math.inf).amax(dim=1)


def places_in_time(count: int, like: torch.Tensor) -> torch.Tensor:
    """(T, D): sines and cosines of falling frequency, of the type and device of `like`."""
    dim = like.shape[-1]
    time = torch.arange(count, device=like.device, dtype=torch.float32).unsqueeze(1)
    frequency = torch.exp(
        torch.arange(0, dim, 2, device=like.device, dtype=torch.float32) * (-math.log(1e4) / dim)
    )
    angles = time * frequency
    return torch.cat([angles.sin(), angles.cos()], dim=1)[:, :dim].to(like.dtype)
