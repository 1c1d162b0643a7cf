"""The selector: --model_name NAME → model; build(config) rebuilds one for a checkpoint."""

from dataclasses import asdict, dataclass
from typing import Any

from torch import nn

from errors import CheckpointError
from models import encoders
from models.frame_rnn import FrameRNN, SingleFrames


@dataclass(frozen=True)
class ModelConfig:
    """All that rebuilds a model without its weights."""

    name: str
    embed_dim: int = 512
    dropout: float = 0.3
    num_classes: int = 2
    temporal: str = "lstm"
    temporal_layers: int = 1  # of an lstm, gru or transformer
    bidirectional: bool = False  # lstm and gru

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "ModelConfig":
        try:
            return cls(**values)
        except TypeError as error:
            raise CheckpointError(
                f"the model's settings are of another version: {error}"
            ) from error


def build(config: ModelConfig) -> nn.Module:
    """A model with random weights. Raise UsageError for an unknown name."""
    return assemble(encoders.build(config.name), config)


def assemble(encoder: encoders.Encoder, config: ModelConfig) -> nn.Module:
    """Raise UsageError for settings that do not go together."""
    shared = (config.embed_dim, config.dropout, config.num_classes)
    if config.temporal == "none":
        return SingleFrames(encoder, *shared)
    head = (config.temporal, config.temporal_layers, config.bidirectional)
    return FrameRNN(encoder, *shared, *head)
