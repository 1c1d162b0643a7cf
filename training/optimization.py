"""How weights are changed: the loss, the optimizer, its learning rate over a run, and the average
of the weights.

Shapes: B clips, K classes.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import numpy as np
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim.swa_utils import AveragedModel

WARM_UP = 0.1  # share of all steps in which the learning rate rises
START, END = 1 / 25, 1 / 250_000  # of the peak
PLATEAU_EPOCHS, PLATEAU_FACTOR = 3, 0.3

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]  # logits (B, K), labels (B,) → (B,)


def make_loss(smoothing: float, weights: torch.Tensor | None, gamma: float) -> Loss:
    """The loss of every clip: cross-entropy, with labels smoothed (Szegedy et al. 2016) by
    `smoothing` and weighted by class (K,). With `gamma` above 0 it is the focal loss (Lin et al.
    2017), in which clips that are judged right already count less."""

    def loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        of_class = None if weights is None else weights.to(logits.device)
        plain = nn.functional.cross_entropy(
            logits, labels, of_class, reduction="none", label_smoothing=smoothing
        )
        if not gamma:
            return plain
        sure = logits.softmax(dim=1).gather(1, labels.unsqueeze(1)).squeeze(1)
        # The slope of a broken power is infinite at 0.
        return (1 - sure).clamp_min(1e-6) ** gamma * plain

    return loss


def balanced_weights(labels: Sequence[int], classes: int) -> torch.Tensor:
    """(K,) weights that make all classes count alike; their mean over `labels` is 1."""
    counts = np.bincount(labels, minlength=classes)
    present = counts > 0
    weights = np.ones(classes)
    weights[present] = len(labels) / (present.sum() * counts[present])
    return torch.tensor(weights, dtype=torch.float32)


def make_optimizer(
    name: str, groups: list[tuple[list[nn.Parameter], float]], weight_decay: float
) -> torch.optim.Optimizer:
    """adamw, adam or sgd (with Nesterov momentum) for `groups` of parameters and their peak
    learning rates."""
    make = {
        "adamw": torch.optim.AdamW,
        "adam": torch.optim.Adam,
        "sgd": partial(torch.optim.SGD, momentum=0.9, nesterov=True),
    }[name]
    # Fused is one pass over the weights instead of ten: on a CPU a good part of a small step.
    options = [{"params": parameters, "lr": lr} for parameters, lr in groups]
    return make(options, weight_decay=weight_decay, fused=True)


class Schedule:
    """The learning rate over `steps` steps in all. It follows from the step and the validation
    losses so far alone, so that a resumed run needs to know no more than where it is."""

    def __init__(self, optimizer: torch.optim.Optimizer, shape: str, steps: int) -> None:
        self.optimizer = optimizer
        self.peaks = [group["lr"] for group in optimizer.param_groups]
        self.share = SHAPES[shape]
        self.falls_on_plateaus = shape == "plateau"
        self.steps = steps
        self.fallen = 1.0
        self.go_to(0)

    @property
    def lr(self) -> float:
        """Of the first group."""
        return self.optimizer.param_groups[0]["lr"]

    def go_to(self, step: int) -> None:
        """Set the learning rates of the step that follows `step` finished ones."""
        self.step_number = step
        share = self.share(step / self.steps) * self.fallen
        for group, peak in zip(self.optimizer.param_groups, self.peaks, strict=True):
            group["lr"] = peak * share

    def step(self) -> None:
        self.go_to(self.step_number + 1)

    def after_epoch(self, val_losses: Sequence[float]) -> None:
        """`val_losses` of all epochs so far."""
        if self.falls_on_plateaus:
            self.fallen = PLATEAU_FACTOR ** plateaus(val_losses)
            self.go_to(self.step_number)


def plateaus(losses: Sequence[float]) -> int:
    """How many times PLATEAU_EPOCHS epochs in a row brought no lower loss."""
    best, waited, found = math.inf, 0, 0
    for loss in losses:
        waited = 0 if loss < best else waited + 1
        best = min(best, loss)
        if waited == PLATEAU_EPOCHS:
            waited, found = 0, found + 1
    return found


def one_cycle(share: float) -> float:
    """Share of all steps → share of the peak: up in a tenth of them, down to almost zero in the
    rest, both along a cosine (Smith and Topin 2018)."""
    if share < WARM_UP:
        return _along_cosine(START, 1.0, share / WARM_UP)
    return _along_cosine(1.0, END, min(1.0, (share - WARM_UP) / (1 - WARM_UP)))


def cosine(share: float) -> float:
    """Up in a straight line (Goyal et al. 2017), then down to zero along a cosine (Loshchilov and
    Hutter 2017)."""
    if share < WARM_UP:
        return START + (1 - START) * share / WARM_UP
    return _along_cosine(1.0, 0.0, min(1.0, (share - WARM_UP) / (1 - WARM_UP)))


def steps_down(share: float) -> float:
    """A tenth after half of all steps, a hundredth after three quarters (He et al. 2016)."""
    return 0.1 ** ((share >= 0.5) + (share >= 0.75))


def constant(share: float) -> float:
    return 1.0


SHAPES: dict[str, Callable[[float], float]] = {
    "one_cycle": one_cycle,
    "cosine": cosine,
    "step": steps_down,
    "plateau": constant,  # and a fall wherever the validation loss falls no more
    "constant": constant,
}


def _along_cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2


def make_average(model: nn.Module, decay: float) -> AveragedModel:
    """The exponential moving average of a model's weights and running statistics (Polyak and
    Juditsky 1992). Over the first steps it is shorter, as nothing is worth remembering yet."""

    def mix(average: torch.Tensor, new: torch.Tensor, updates: torch.Tensor) -> torch.Tensor:
        count = float(updates)
        keep = min(decay, (1 + count) / (10 + count))
        return average + (1 - keep) * (new - average)  # exact where nothing changes

    return AveragedModel(model, avg_fn=mix, use_buffers=True)


@contextmanager
def statistics_begin(model: nn.Module) -> Iterator[None]:
    """Around the first step of a run: batch norm's running statistics become the mean over the
    parts of its batch. Otherwise they would begin at mean 0 and variance 1, far from any network's,
    and evaluation of a run of a hundred steps would still go by that. Weights that count earlier
    batches, as pretrained ones do, keep theirs."""
    norms = [layer for layer in model.modules() if isinstance(layer, _BatchNorm)]
    momenta = [layer.momentum for layer in norms]
    for layer in norms:
        layer.momentum = None  # the mean over all batches that were ever counted
    try:
        # Or --compile would compile twice: the momentum is part of what it compiles.
        with torch.compiler.set_stance("force_eager"):
            yield
    finally:
        for layer, momentum in zip(norms, momenta, strict=True):
            layer.momentum = momentum
