"""The options of a training run, in groups that are passed only to the code that needs them.

The fields are flags of train.py with the same names; `python train.py --help` explains them.
"""

from dataclasses import dataclass
from pathlib import Path

from models import ModelConfig


@dataclass(frozen=True)
class ModelOptions:
    """The model and the weights that it starts from."""

    model_name: str
    temporal: str
    temporal_layers: int
    embed_dim: int
    head: str
    dropout: float
    num_classes: int
    crop_size: int | None
    pretrained: bool
    weights: Path | None
    init_from: Path | None
    freeze: str | int
    grad_checkpoint: bool
    compile: bool

    @property
    def config(self) -> ModelConfig:
        """The model settings that a checkpoint stores."""
        return ModelConfig(
            name=self.model_name,
            embed_dim=self.embed_dim,
            head=self.head,
            dropout=self.dropout,
            num_classes=self.num_classes,
            temporal=self.temporal,
            temporal_layers=self.temporal_layers,
        )


@dataclass(frozen=True)
class ManifestOptions:
    """The manifests to train on."""

    csv_file: list[str]
    shares: list[float]  # of the manifests in an epoch, relative to each other; empty: not set
    judge_faces: str | None  # manifest whose settings videos are judged with


@dataclass(frozen=True)
class DataOptions:
    """Which clips an epoch draws, and how they are loaded."""

    task: str
    dataset: str
    balance: str
    sbi: float
    pseudo_clips: bool
    augmentation: str
    batch_size: int  # clips per step, over all processes
    accumulate: int
    workers: int | None
    epochs: int
    seed: int


@dataclass(frozen=True)
class OptimizerOptions:
    """Loss, optimizer, learning rate and the moving average of the weights."""

    optimizer: str
    lr: float
    encoder_lr: float | None
    schedule: str
    weight_decay: float
    label_smoothing: float
    class_weights: str
    focal_gamma: float
    ema: float
    epochs: int
    num_classes: int


@dataclass(frozen=True)
class LoopOptions:
    """The settings of the training loop."""

    epochs: int
    log_interval: int
    save_every_steps: int
    max_gradient: float
    accumulate: int
    precision: str
    adversarial: str
    epsilon: float
    mix: str
    num_classes: int


@dataclass(frozen=True)
class RunOptions:
    """Which files a run keeps, and when it ends early."""

    keep_checkpoints: int
    monitor: str
    patience: int
