"""Models by settings: build(config) returns a new one, rebuild(config, weights) a trained one."""

from dataclasses import dataclass
from itertools import chain
from typing import Any, ClassVar

import torch
from torch import Tensor

from common.preprocessing import Record
from models import encoders
from models.frame_rnn import FrameModel, FrameRNN, SingleFrames


@dataclass(frozen=True, kw_only=True)
class ModelConfig(Record):
    """The settings that rebuild a model; its weights are stored beside them."""

    REMOVED: ClassVar[dict[str, Any]] = {"bidirectional": False}

    name: str = "resnet152"  # of the frame encoder
    embed_dim: int = 512  # D
    dropout: float = 0.3
    num_classes: int = 2  # K
    temporal: str = "lstm"
    temporal_layers: int = 1  # of an lstm, gru or transformer


def build(config: ModelConfig) -> FrameModel:
    """Return a model with random weights. Raise UsageError for an unknown name."""
    return assemble(encoders.build(config.name), config)


def rebuild(config: ModelConfig, weights: dict[str, Tensor]) -> FrameModel:
    """Return a model with `weights`. Raise UsageError for an unknown name, RuntimeError for weights
    of another model."""
    model = _build_on_meta(config)
    if model is not None:
        model.load_state_dict(weights, assign=True)
    if model is None or _has_meta_tensors(model):  # buffers that no checkpoint stores
        model = build(config)
        model.load_state_dict(weights)
    model.encoder.to(memory_format=torch.channels_last)
    return model


def _build_on_meta(config: ModelConfig) -> FrameModel | None:
    """Return a model without memory for its weights, because drawing random ones takes half of the
    time; None for an encoder that reads tensors while it is built."""
    try:
        with torch.device("meta"):
            return build(config)
    except RuntimeError:
        return None


def _has_meta_tensors(model: FrameModel) -> bool:
    return any(tensor.is_meta for tensor in chain(model.parameters(), model.buffers()))


def assemble(encoder: encoders.Encoder, config: ModelConfig) -> FrameModel:
    """Return the model of an encoder and its head. Raise UsageError for settings that contradict
    each other."""
    if config.temporal == "none":
        return SingleFrames(encoder, config.embed_dim, config.dropout, config.num_classes)
    return FrameRNN(
        encoder,
        config.embed_dim,
        config.dropout,
        config.num_classes,
        temporal=config.temporal,
        temporal_layers=config.temporal_layers,
    )
