"""The selector: --model_name NAME → model; rebuild(config, weights) is one from a checkpoint."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from torch import Tensor, nn
from torch.nn import init
from torch.overrides import TorchFunctionMode

from common.errors import DataError
from models import encoders
from models.frame_rnn import FrameRNN, SingleFrames

DRAWING = (init.normal_, init.uniform_, init.kaiming_uniform_)


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
            raise DataError(f"the model's settings are of another version: {error}") from error


def build(config: ModelConfig) -> nn.Module:
    """A model with random weights. Raise UsageError for an unknown name."""
    return assemble(encoders.build(config.name), config)


def rebuild(config: ModelConfig, weights: dict[str, Tensor]) -> nn.Module:
    """A model with `weights`. Raise UsageError for an unknown name, RuntimeError for weights of
    another model."""
    with _NothingDrawn():
        model = build(config)
    model.load_state_dict(weights)
    return model


class _NothingDrawn(TorchFunctionMode):
    """Inside, torch.nn.init leaves weights as memory was: drawing them is half of the building."""

    def __torch_function__(
        self, function: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if function in DRAWING:
            return args[0] if args else kwargs["tensor"]
        return function(*args, **kwargs)


def assemble(encoder: encoders.Encoder, config: ModelConfig) -> nn.Module:
    """Raise UsageError for settings that do not go together."""
    shared = (config.embed_dim, config.dropout, config.num_classes)
    if config.temporal == "none":
        return SingleFrames(encoder, *shared)
    head = (config.temporal, config.temporal_layers, config.bidirectional)
    return FrameRNN(encoder, *shared, *head)
