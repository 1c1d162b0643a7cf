"""Builds models from their settings: `build` with random weights, `rebuild` with trained ones."""

# isort: off
import common  # noqa: F401 (before torch: it sets how threads wait)

# isort: on
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from common.errors import DataError
from common.preprocessing import Record
from models import encoders, projection
from models.frame_rnn import FrameModel, FrameRNN, SingleFrames
from models.temporal import MAX_HEAD

MAX_CLASSES = 1000


@dataclass(frozen=True, kw_only=True)
class ModelConfig(Record):
    """The settings needed to rebuild a model; a checkpoint stores them beside the weights."""

    REMOVED: ClassVar[dict[str, Any]] = {"bidirectional": False}
    ADDED: ClassVar[dict[str, Any]] = {"head": ""}

    name: str = "resnet152"  # name of the frame encoder (python -m models lists them)
    embed_dim: int = 512  # D, features of a frame after projection
    dropout: float = 0.3
    num_classes: int = 2  # K; class 0 is REAL
    temporal: str = "lstm"  # a head that models/temporal.py builds, or "none"
    temporal_layers: int = 1  # of an lstm, gru or transformer; other heads ignore it
    head: str = ""  # layers of models/projection.py instead of the one with embed_dim outputs

    def __post_init__(self) -> None:
        """Raise DataError for sizes that no model of this project has, before one is built."""
        if min(self.embed_dim, self.temporal_layers) < 1:
            raise DataError("embed_dim and temporal_layers must be at least 1")
        if self.temporal_layers * self.embed_dim**2 > MAX_HEAD:
            raise DataError(
                f"{self.temporal_layers} temporal layers of {self.embed_dim} features are too "
                f"large: temporal_layers times embed_dim² must be at most {MAX_HEAD:,}"
            )
        projection.layers_of(self.head)
        if not 2 <= self.num_classes <= MAX_CLASSES or not 0 <= self.dropout < 1:
            raise DataError(
                f"num_classes {self.num_classes} must be 2 to {MAX_CLASSES}, dropout "
                f"{self.dropout} at least 0 and below 1"
            )


def build(config: ModelConfig) -> FrameModel:
    """Return a model with random weights. Raise UsageError if its encoder is unknown or if the
    settings contradict each other."""
    return assemble(encoders.build(config.name, projection.is_flat(config.head)), config)


def rebuild(config: ModelConfig, weights: dict[str, Tensor]) -> FrameModel:
    """Return a model with `weights`, whose memory it may share. Raise UsageError if its encoder is
    unknown or if the settings contradict each other, RuntimeError if `weights` do not fit it."""
    model = _build_on_meta(config)
    if model is not None:
        _check_types(model, weights)
        model.load_state_dict(weights, assign=True)
    if model is None or _has_meta_tensors(model):  # a buffer that is not in `weights`
        model = build(config)
        model.load_state_dict(weights)
    model.encoder.to(memory_format=torch.channels_last)
    return model


def count_parameters(config: ModelConfig) -> int:
    """Return the number of a model's parameters. Raise UsageError as `build` does."""
    return sum(
        parameter.numel() for parameter in (_build_on_meta(config) or build(config)).parameters()
    )


def _build_on_meta(config: ModelConfig) -> FrameModel | None:
    """Return the model on the meta device, where its weights take no memory: drawing random weights
    would take half of the loading time. Return None if the encoder reads tensor values while it is
    built, which the meta device does not support."""
    try:
        with torch.device("meta"), _WithoutRandom():
            return build(config)
    except RuntimeError:
        return None


class _WithoutRandom(TorchFunctionMode):
    """Skips drawing random weights, for which the meta device imports torch's compiler: a second,
    for tensors that have no values."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        if func in (torch.Tensor.normal_, torch.Tensor.uniform_):
            return args[0]
        return func(*args, **(kwargs or {}))


def _check_types(model: FrameModel, weights: dict[str, Tensor]) -> None:
    """Raise RuntimeError if a weight has another dtype than the model's: assigned to the model, it
    would replace that dtype, and scoring would fail."""
    for name, tensor in model.state_dict().items():
        if name in weights and weights[name].dtype != tensor.dtype:
            raise RuntimeError(f"{name} is {weights[name].dtype}, not {tensor.dtype}")


def _has_meta_tensors(model: FrameModel) -> bool:
    return any(tensor.is_meta for tensor in chain(model.parameters(), model.buffers()))


def assemble(encoder: encoders.Encoder, config: ModelConfig) -> FrameModel:
    """Return the model that consists of `encoder` and the head that `config` describes. Raise
    UsageError if the settings contradict each other."""
    if config.temporal == "none":
        return SingleFrames(
            encoder, config.embed_dim, config.dropout, config.num_classes, config.head
        )
    return FrameRNN(
        encoder,
        config.embed_dim,
        config.dropout,
        config.num_classes,
        temporal=config.temporal,
        temporal_layers=config.temporal_layers,
        head=config.head,
    )
