"""Temporal heads: frame features (B, T, D) → clip features (B, E).

Shapes: B clips, T frames, D features of a frame, E features of a clip. A mask (B, T) bool is True
for real frames and False for padding, which is at the end of a clip and must not change the result.
"""

import math
from collections.abc import Callable

import torch
from torch import nn

from common import registry
from common.errors import DataError, UsageError

# Features of a face change little from one frame to the next. Unscaled, the changes hardly affected
# the loss, and the demo's short training did not learn to detect fakes that flicker.
CHANGE_SCALE = 2.5
ATTENTION_HEADS = 4  # of the transformer
# Limit on layers × dim²: an LSTM has 12 weights for each, so 1.6 GB at most. The default is 512².
MAX_HEAD = 2**25


class Recurrent(nn.Module):
    """An LSTM or GRU over the features and their changes from frame to frame. The result is the
    mean over time of the features, the changes and the outputs of the LSTM or GRU, concatenated.

    The changes are inputs because an LSTM needs many more clips to learn differences itself. The
    inputs also bypass the LSTM because traces of a fake within one frame need no temporal model
    (docs/decisions.md).
    """

    def __init__(self, kind: type[nn.LSTM] | type[nn.GRU], dim: int, layers: int) -> None:
        super().__init__()
        self.rnn = kind(2 * dim, dim, num_layers=layers, batch_first=True)
        self.features = 3 * dim

    def forward(self, features: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return clip features (B, 3D) for `features` (B, T, D) and `mask` (B, T)."""
        steps = with_changes(features)  # (B, T, 2D)
        # Padding follows the real frames, so it cannot affect their outputs.
        outputs, _ = self.rnn(steps)  # (B, T, D)
        return mean_over_time(torch.cat([steps, outputs], dim=-1), mask)


class Transformer(nn.Module):
    """A transformer encoder (Vaswani et al. 2017) over the features, their changes from frame to
    frame and their positions. The result is the mean over time of the features and the encoder's
    outputs, concatenated."""

    def __init__(self, dim: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.enter = nn.Linear(2 * dim, dim)
        layer = nn.TransformerEncoderLayer(
            dim, ATTENTION_HEADS, 2 * dim, dropout, batch_first=True, norm_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.features = 2 * dim

    def forward(self, features: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return clip features (B, 2D) for `features` (B, T, D) and `mask` (B, T)."""
        steps = self.enter(with_changes(features))  # (B, T, D)
        steps = steps + position_encoding(mask.shape[1], steps)
        outputs = self.encoder(steps, src_key_padding_mask=~mask)
        return mean_over_time(torch.cat([features, outputs], dim=-1), mask)


class Attention(nn.Module):
    """A weighted mean over frames, with weights computed from their features (Ilse et al. 2018);
    ignores the order of frames."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.score = nn.Sequential(nn.Linear(dim, dim), nn.Tanh(), nn.Linear(dim, 1))
        self.features = dim

    def forward(self, features: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return clip features (B, D) for `features` (B, T, D) and `mask` (B, T)."""
        scores = self.score(features).squeeze(-1).masked_fill(~mask, -math.inf)  # (B, T)
        return (features * scores.softmax(dim=1).unsqueeze(-1)).sum(dim=1)


class Pooling(nn.Module):
    """The mean or the maximum over frames; ignores the order of frames."""

    def __init__(self, dim: int, pool: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]):
        super().__init__()
        self.pool, self.features = pool, dim

    def forward(self, features: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return clip features (B, D) for `features` (B, T, D) and `mask` (B, T)."""
        return self.pool(features, mask)


def build(name: str, dim: int, layers: int, dropout: float) -> nn.Module:
    """Return the temporal head `name`: lstm, gru, transformer, attention, mean or max.

    Its attribute `features` is E. `dim` is D. `layers` applies to lstm, gru and transformer,
    `dropout` to transformer. Raise UsageError for an unknown name, or if a transformer's `dim` is
    not divisible by ATTENTION_HEADS, DataError if the head is larger than MAX_HEAD.
    """
    if layers * dim**2 > MAX_HEAD:
        raise DataError(
            f"--temporal {name} on {dim} features is too large: let --head end with a smaller "
            "number"
        )
    heads: dict[str, Callable[[], nn.Module]] = {
        "lstm": lambda: Recurrent(nn.LSTM, dim, layers),
        "gru": lambda: Recurrent(nn.GRU, dim, layers),
        "transformer": lambda: Transformer(dim, layers, dropout),
        "attention": lambda: Attention(dim),
        "mean": lambda: Pooling(dim, mean_over_time),
        "max": lambda: Pooling(dim, max_over_time),
    }
    if name == "transformer" and dim % ATTENTION_HEADS:
        raise UsageError(
            f"--temporal transformer needs an --embed_dim divisible by {ATTENTION_HEADS}"
        )
    return registry.select("temporal head", name, heads)()


def with_changes(features: torch.Tensor) -> torch.Tensor:
    """Return (B, T, 2D): the features (B, T, D), and the absolute difference between each frame and
    the previous one times CHANGE_SCALE, which is 0 for the first frame."""
    changes = torch.zeros_like(features)
    changes[:, 1:] = CHANGE_SCALE * (features[:, 1:] - features[:, :-1]).abs()
    return torch.cat([features, changes], dim=-1)


def mean_over_time(steps: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Return the mean (B, E) of `steps` (B, T, E) over the frames where `mask` is True."""
    weights = (mask / mask.sum(dim=1, keepdim=True)).to(steps.dtype).unsqueeze(-1)
    return (steps * weights).sum(dim=1)


def max_over_time(steps: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Return the maximum (B, E) of `steps` (B, T, E) over the frames where `mask` is True."""
    return steps.masked_fill(~mask.unsqueeze(-1), -math.inf).amax(dim=1)


def position_encoding(count: int, like: torch.Tensor) -> torch.Tensor:
    """Return the sinusoidal encoding (T, D) of T = `count` positions. D, dtype and device are those
    of `like` (B, T, D)."""
    dim = like.shape[-1]
    time = torch.arange(count, device=like.device, dtype=torch.float32).unsqueeze(1)
    frequency = torch.exp(
        torch.arange(0, dim, 2, device=like.device, dtype=torch.float32) * (-math.log(1e4) / dim)
    )
    angles = time * frequency
    return torch.cat([angles.sin(), angles.cos()], dim=1)[:, :dim].to(like.dtype)
