"""The state of a training run: what a step changes, where the run is, and its fixed settings."""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from scoring.aggregate import ClipScore
from training.adversarial import Attack
from training.history import EpochRow
from training.loss import Loss
from training.mixup import Mix
from training.optimizer import Schedule


@dataclass
class Training:
    """Everything that a step changes, and the loss that it minimises."""

    model: nn.Module
    forward: nn.Module  # what is called: the model, or its wrapper for several processes
    optimizer: torch.optim.Optimizer
    schedule: Schedule  # stepped after every batch
    loss: Loss
    average: AveragedModel | None  # moving average of the model's weights

    @property
    def evaluated(self) -> nn.Module:
        """The model that is validated and that checkpoints contain."""
        return self.model if self.average is None else self.average.module

    @property
    def device(self) -> torch.device:
        return next(self.model.parameters()).device


@dataclass
class Position:
    """How far a run is. Together with Training and torch's random state it is all that resuming
    needs, because an item depends only on seed, epoch and source."""

    epoch: int = 1
    step: int = 0  # steps of this epoch that are done
    loss_sum: float = 0.0  # over this epoch's clips so far, as all sums here
    right: float = 0.0  # clips classified correctly
    gradient_sum: float = 0.0  # sum of the gradient's norm over this epoch's steps
    seen: int = 0  # clips of all processes
    seconds: float = 0.0  # spent in this epoch
    problems: list[str] = field(default_factory=list)  # clips that could not be read


@dataclass(frozen=True)
class Plan:
    """The fixed settings of the training loop."""

    epochs: int
    log_interval: int  # steps
    save_every_steps: int  # 0: only after epochs
    chance_loss: float  # the loss of guessing: ln K for a plain cross-entropy
    max_gradient: float  # norm to clip gradients to, because an LSTM's can explode; 0: never
    accumulate: int  # parts of a batch that go through the model one after the other
    precision: torch.dtype  # of the model's arithmetic in training
    attack: Attack | None  # applied to training clips
    mix: Mix | None  # applied after it to clips and labels


@dataclass(frozen=True)
class Hooks:
    """What the loop calls."""

    save: Callable[[Position], None]  # within an epoch
    # Receives the next position and validation's scores; returns whether to continue.
    after_epoch: Callable[[EpochRow, Position, list[ClipScore]], bool]
    stop_asked: Callable[[], bool]


class Stopped(Exception):
    """Raised after saving when the run was asked to stop."""
