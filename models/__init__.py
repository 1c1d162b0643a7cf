"""The selector: --model_name NAME → model; build(config) rebuilds one for a checkpoint."""

from dataclasses import asdict, dataclass
from typing import Any

from torch import nn

from errors import CheckpointError
from models.encoders import RESNETS
from models.resnet_rnn import ResNetRNN
from selection import select

MODELS: dict[str, type[nn.Module]] = dict.fromkeys(RESNETS, ResNetRNN)


@dataclass(frozen=True)
class ModelConfig:
    """All that rebuilds a model without its weights."""

    name: str
    embed_dim: int = 512
    dropout: float = 0.3
    num_classes: int = 2

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
    model = select("--model_name", config.name, MODELS)
    return model(config.name, config.embed_dim, config.dropout, config.num_classes)
