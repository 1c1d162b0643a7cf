"""Makes the optimizer and its learning rate schedule."""

import math
from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import nn

WARM_UP = 0.1  # share of all steps in which the learning rate rises
START, END = 1 / 25, 1 / 250_000  # learning rates relative to the peak
PLATEAU_EPOCHS, PLATEAU_FACTOR = 3, 0.3  # epochs without an improvement; factor of the rate then


def make_optimizer(
    name: str, groups: list[tuple[list[nn.Parameter], float]], weight_decay: float
) -> torch.optim.Optimizer:
    """Return the optimizer `name`: adamw, adam or sgd (with Nesterov momentum). `groups` are pairs
    of parameters and their peak learning rate."""
    kinds: dict[str, Callable[..., torch.optim.Optimizer]] = {
        "adamw": torch.optim.AdamW,
        "adam": torch.optim.Adam,
        "sgd": partial(torch.optim.SGD, momentum=0.9, nesterov=True),
    }
    # Fused: one pass over the weights instead of ten, on a CPU a large part of a small step.
    options = [{"params": parameters, "lr": lr} for parameters, lr in groups]
    return kinds[name](options, weight_decay=weight_decay, fused=True)


class Schedule:
    """The learning rate schedule of a run of `steps` steps; `shape` is a name in CURVES.

    The rate depends only on the step and on the validation losses so far, so a resumed run needs no
    other state.
    """

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
        """Set the learning rates for the next step when `step` steps are finished."""
        self.step_number = step
        share = self.curve(step / self.steps) * self.reduction
        for group, peak in zip(self.optimizer.param_groups, self.peaks, strict=True):
            group["lr"] = peak * share

    def step(self) -> None:
        self.go_to(self.step_number + 1)

    def after_epoch(self, val_losses: Sequence[float]) -> None:
        """With the schedule plateau, multiply the rates by PLATEAU_FACTOR for each plateau of
        `val_losses`, the validation losses of all epochs so far. Others leave them unchanged."""
        if self.reduces_on_plateaus:
            self.reduction = PLATEAU_FACTOR ** plateaus(val_losses)
            self.go_to(self.step_number)


def plateaus(losses: Sequence[float]) -> int:
    """Return how many times the loss did not fall below its minimum for PLATEAU_EPOCHS epochs in a
    row."""
    best, waited, count = math.inf, 0, 0
    for loss in losses:
        waited = 0 if loss < best else waited + 1
        best = min(best, loss)
        if waited == PLATEAU_EPOCHS:
            waited, count = 0, count + 1
    return count


def one_cycle(share: float) -> float:
    """Return the learning rate relative to its peak after `share` of all steps: a cosine rise in
    the first tenth, then a cosine decay to almost zero (Smith and Topin 2018)."""
    if share < WARM_UP:
        return _cosine_between(START, 1.0, share / WARM_UP)
    return _cosine_between(1.0, END, min(1.0, (share - WARM_UP) / (1 - WARM_UP)))


def cosine(share: float) -> float:
    """Return the learning rate relative to its peak after `share` of all steps: a linear warm-up in
    the first tenth (Goyal et al. 2017), then a cosine decay to zero (Loshchilov and Hutter
    2017)."""
    if share < WARM_UP:
        return START + (1 - START) * share / WARM_UP
    return _cosine_between(1.0, 0.0, min(1.0, (share - WARM_UP) / (1 - WARM_UP)))


def steps_down(share: float) -> float:
    """Return the learning rate relative to its peak after `share` of all steps: 0.1 after half of
    them, 0.01 after three quarters (He et al. 2016)."""
    return 0.1 ** ((share >= 0.5) + (share >= 0.75))


def constant(share: float) -> float:
    return 1.0


CURVES: dict[str, Callable[[float], float]] = {
    "one_cycle": one_cycle,
    "cosine": cosine,
    "step": steps_down,
    "plateau": constant,  # see Schedule.after_epoch
    "constant": constant,
}


def _cosine_between(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2
