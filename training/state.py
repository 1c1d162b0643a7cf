"""The state of a training run: what a step changes, where the run is, what it was told to do."""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from scoring.aggregate import ClipScore
from training.adversarial import Attack
from training.history import EpochRow
from training.mixup import Mix
from training.optimization import Loss, Schedule


@dataclass
class Training:
    """Everything that a step changes, and the loss that says how."""

    model: nn.Module
    forward: nn.Module  # the model as it is called: itself, or what spreads it over processes
    optimizer: torch.optim.Optimizer
    schedule: Schedule  # stepped after every batch
    loss: Loss
    average: AveragedModel | None  # of the model over time

    @property
    def judged(self) -> nn.Module:
        """What is validated, and what a checkpoint is for."""
        return self.model if self.average is None else self.average.module


@dataclass
class Position:
    """Where a run is. With Training and torch's random state, all that its continuation needs:
    what an item looks like follows from seed, epoch and source alone."""

    epoch: int = 1
    step: int = 0  # finished ones of this epoch
    loss_sum: float = 0.0  # over this epoch's clips so far, as the next ones
    right: float = 0.0
    gradient_sum: float = 0.0  # of its norm, over this epoch's steps
    seen: int = 0  # by all processes together
    seconds: float = 0.0  # spent in this epoch
    problems: list[str] = field(default_factory=list)  # of its clips that could not be read


@dataclass(frozen=True)
class Plan:
    epochs: int
    threshold: float  # p_fake from which validation calls a video fake
    log_interval: int  # steps
    save_every_steps: int  # 0: after epochs only
    chance_loss: float  # of guessing: ln K for a plain cross-entropy
    max_gradient: float  # gradients are scaled down to this norm: an LSTM's can explode; 0: never
    accumulate: int  # parts of a batch that go through the model one after the other
    precision: torch.dtype  # of the model's arithmetic in training
    attack: Attack | None  # what training clips go through
    mix: Mix | None  # and then through this, with their labels


@dataclass(frozen=True)
class Hooks:
    """What the loop does not do itself."""

    save: Callable[[Position], None]  # within an epoch
    # Takes the next position and validation's scores; says whether to go on.
    after_epoch: Callable[[EpochRow, Position, list[ClipScore]], bool]
    stop_asked: Callable[[], bool]


class Stopped(Exception):
    """The run was asked to end; everything is saved."""
