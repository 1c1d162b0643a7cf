"""How weights are changed: the optimizer and its learning rate over a run."""

import math

import torch
from torch import nn

WARM_UP = 0.1  # share of all steps in which the learning rate rises
START, END = 1 / 25, 1 / 250_000  # of the peak


def make_optimizer(model: nn.Module, lr: float, weight_decay: float) -> torch.optim.Optimizer:
    # Fused is one pass over the weights instead of ten: on a CPU a good part of a small step.
    return torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=weight_decay, fused=True)


def make_schedule(
    optimizer: torch.optim.Optimizer, steps: int
) -> torch.optim.lr_scheduler.LRScheduler:
    """For `steps` steps in all. A function of the step alone, so that a resumed run needs to know
    no more than where it is."""
    return torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: one_cycle(step / steps))


def one_cycle(share: float) -> float:
    """Share of all steps → share of the peak: up in a tenth of them, down to almost zero in the
    rest, both along a cosine (Smith and Topin 2018)."""
    if share < WARM_UP:
        return _cosine(START, 1.0, share / WARM_UP)
    return _cosine(1.0, END, min(1.0, (share - WARM_UP) / (1 - WARM_UP)))


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2
