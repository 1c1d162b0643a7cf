"""The state of a training run: what a step changes, how far it is, its settings, all its parts."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from common.preprocessing import ClipConfig
from datasets.loaders import ClipLoader, TrainingLoader
from models import folding
from models.frame_rnn import FrameModel
from training.adversarial import Attack
from training.history import EpochRow
from training.loss import Loss
from training.mixup import Mix
from training.moving_average import MovingAverage
from training.optimizer import Schedule


@dataclass
class Training:
    """Everything that a training step changes, and the loss that it minimises."""

    model: FrameModel
    forward: nn.Module  # the module to call: the model, or its wrapper for several processes
    optimizer: torch.optim.Optimizer
    schedule: Schedule  # stepped after every batch
    loss: Loss
    average: MovingAverage | None  # moving average of the model's weights, if there is one

    @property
    def evaluated(self) -> FrameModel:
        """The model that is validated and stored in checkpoints: the moving average, if there is
        one."""
        return self.model if self.average is None else self.average.module

    def judging_copy(self) -> FrameModel:
        """Return a copy of `evaluated` that computes as a loaded checkpoint does: the decision rule
        must be fitted to the scores of the model that judges."""
        return folding.folded_copy(self.evaluated)

    @property
    def device(self) -> torch.device:
        return next(self.model.parameters()).device


@dataclass
class Position:
    """How far a run is. Together with Training and the state of torch's generators it is all that
    resuming needs, because the items of an epoch depend only on seed, epoch and source."""

    epoch: int = 1  # the current one
    step: int = 0  # steps of this epoch that are done
    loss_sum: float = 0.0  # over this epoch's clips so far, of all processes
    right: float = 0.0  # number of these clips that were classified correctly
    gradient_sum: float = 0.0  # sum of the gradient's norm over this epoch's steps
    seen: int = 0  # number of these clips
    seconds: float = 0.0  # spent on training in this epoch
    problems: list[str] = field(default_factory=list)  # one message per clip that could not be read


@dataclass(frozen=True)
class Plan:
    """The fixed settings of the training loop."""

    epochs: int
    log_interval: int  # steps
    save_every_steps: int  # 0: only after epochs
    chance_loss: float  # the loss of guessing: ln K for a plain cross-entropy
    max_gradient: float  # norm to clip gradients to, as an LSTM's can explode; 0: no clipping
    accumulate: int  # parts of a batch that go through the model one after another
    precision: torch.dtype  # of the model's arithmetic in training
    attack: Attack | None  # applied to training clips
    mix: Mix | None  # applied to clips and labels after the attack


@dataclass(frozen=True)
class Parts:
    """Training state, loaders, settings of the loop and of the clips of a run."""

    training: Training
    train_loader: TrainingLoader
    val_loader: ClipLoader
    plan: Plan
    clip: ClipConfig


@dataclass(frozen=True)
class Hooks:
    """The functions that the training loop calls."""

    save: Callable[[Position], None]  # saves the run within an epoch
    # Takes the epoch's row, the start of the next epoch and the validation scores; returns whether
    # to train on.
    after_epoch: Callable[[EpochRow, Position, list[Any]], bool]
    stop_asked: Callable[[], bool]  # whether this process was asked to stop


class Stopped(Exception):
    """Raised when the run was asked to stop, after it was saved."""
