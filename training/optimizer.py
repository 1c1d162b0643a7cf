"""The optimizer, its learning rate over a run, and the moving average of the weights."""

import math
from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

WARM_UP = 0.1  # share of all steps in which the learning rate rises
START, END = 1 / 25, 1 / 250_000  # of the peak
PLATEAU_EPOCHS, PLATEAU_FACTOR = 3, 0.3


def make_optimizer(
    name: str, groups: list[tuple[list[nn.Parameter], float]], weight_decay: float
) -> torch.optim.Optimizer:
    """Return adamw, adam or sgd (with Nesterov momentum) for `groups` of parameters and their peak
    learning rates."""
    kinds: dict[str, Callable[..., torch.optim.Optimizer]] = {
        "adamw": torch.optim.AdamW,
        "adam": torch.optim.Adam,
        "sgd": partial(torch.optim.SGD, momentum=0.9, nesterov=True),
    }
    # Fused makes one pass over the weights instead of ten: on a CPU a large part of a small step.
    options = [{"params": parameters, "lr": lr} for parameters, lr in groups]
    return kinds[name](options, weight_decay=weight_decay, fused=True)


class Schedule:
    """The learning rate over `steps` steps in total. It depends only on the step and on the
    validation losses so far, so a resumed run needs no other state."""

    def __init__(self, optimizer: torch.optim.Optimizer, shape: str, steps: int) -> None:
        self.optimizer = optimizer
        self.peaks = [group["lr"] for group in optimizer.param_groups]
        self.curve = CURVES[shape]
        self.reduces_on_plateaus = shape == "plateau"
        self.steps = steps
        self.reduction = 1.0
        self.go_to(0)

    @property
    def lr(self) -> float:
        """The learning rate of the first parameter group."""
        return self.optimizer.param_groups[0]["lr"]

    def go_to(self, step: int) -> None:
        """Set the learning rates for the step after `step` finished ones."""
        self.step_number = step
        share = self.curve(step / self.steps) * self.reduction
        for group, peak in zip(self.optimizer.param_groups, self.peaks, strict=True):
            group["lr"] = peak * share

    def step(self) -> None:
        self.go_to(self.step_number + 1)

    def after_epoch(self, val_losses: Sequence[float]) -> None:
        """Reduce the rates if validation has stopped improving; `val_losses` are those of all
        epochs so far."""
        if self.reduces_on_plateaus:
            self.reduction = PLATEAU_FACTOR ** plateaus(val_losses)
            self.go_to(self.step_number)


def plateaus(losses: Sequence[float]) -> int:
    """Return how many times PLATEAU_EPOCHS epochs in a row brought no lower loss."""
    best, waited, count = math.inf, 0, 0
    for loss in losses:
        waited = 0 if loss < best else waited + 1
        best = min(best, loss)
        if waited == PLATEAU_EPOCHS:
            waited, count = 0, count + 1
    return count


def one_cycle(share: float) -> float:
    """Return the share of the peak rate at a share of all steps: up along a cosine in the first
    tenth, then down along a cosine to almost zero (Smith and Topin 2018)."""
    if share < WARM_UP:
        return _cosine_between(START, 1.0, share / WARM_UP)
    return _cosine_between(1.0, END, min(1.0, (share - WARM_UP) / (1 - WARM_UP)))


def cosine(share: float) -> float:
    """Return the share of the peak rate: linear warm-up (Goyal et al. 2017), then down to zero
    along a cosine (Loshchilov and Hutter 2017)."""
    if share < WARM_UP:
        return START + (1 - START) * share / WARM_UP
    return _cosine_between(1.0, 0.0, min(1.0, (share - WARM_UP) / (1 - WARM_UP)))


def steps_down(share: float) -> float:
    """Return the share of the peak rate: a tenth after half of all steps, a hundredth after three
    quarters (He et al. 2016)."""
    return 0.1 ** ((share >= 0.5) + (share >= 0.75))


def constant(share: float) -> float:
    return 1.0


CURVES: dict[str, Callable[[float], float]] = {
    "one_cycle": one_cycle,
    "cosine": cosine,
    "step": steps_down,
    "plateau": constant,  # reduced when the validation loss stops falling
    "constant": constant,
}


def _cosine_between(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2


def make_average(model: nn.Module, decay: float) -> AveragedModel:
    """Return the exponential moving average of a model's weights and running statistics (Polyak and
    Juditsky 1992). Over the first steps it is shorter, because early weights are not worth
    keeping."""

    def mix(average: torch.Tensor, new: torch.Tensor, updates: torch.Tensor | int) -> torch.Tensor:
        count = float(updates)
        keep = min(decay, (1 + count) / (10 + count))
        return average + (1 - keep) * (new - average)  # exact where nothing changes

    return AveragedModel(model, avg_fn=mix, use_buffers=True)
