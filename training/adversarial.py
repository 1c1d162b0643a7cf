"""Clips changed so that a model errs, every value by no more than epsilon: what adversarial
training learns from, and what its worth is measured with.

Shapes: B clips, T frames, C channels, H, W, K classes.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import nn

PGD_STEPS = 5
PGD_REACH = 2.5  # epsilons that all of its steps together could go (Madry et al. 2018)

# (model, clips (B, T, C, H, W) normalised, mask (B, T), labels (B,)) → clips
Attack = Callable[[nn.Module, torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]


def make_attack(
    name: str, epsilon: float, mean: Sequence[float], std: Sequence[float], steps: int = PGD_STEPS
) -> Attack:
    """fgsm: one step along the sign of the loss's gradient (Goodfellow et al. 2015); pgd: `steps`
    smaller ones from a random start (Madry et al. 2018). `epsilon` is of values in [0, 1], before
    they were normalised with `mean` and `std`; attacked values stay in there."""

    def attack(
        model: nn.Module, clips: torch.Tensor, mask: torch.Tensor, labels: torch.Tensor
    ) -> torch.Tensor:
        shift, scale = (clips.new_tensor(values).view(-1, 1, 1) for values in (mean, std))
        reach = epsilon / scale
        low = torch.maximum(clips - reach, -shift / scale)
        high = torch.minimum(clips + reach, (1 - shift) / scale)
        if name == "fgsm":
            changed, count, stride = clips, 1, reach
        else:
            changed = low + (high - low) * torch.rand_like(clips)
            count, stride = steps, PGD_REACH * reach / steps
        with _as_it_judges(model):
            for _ in range(count):
                slope = _slope(model, changed, mask, labels)
                changed = (changed + stride * slope.sign()).clamp(low, high)
        return changed

    return attack


def _slope(
    model: nn.Module, clips: torch.Tensor, mask: torch.Tensor, labels: torch.Tensor
) -> torch.Tensor:
    """The loss's gradient, like `clips`; leaves those of the weights alone."""
    clips = clips.detach().requires_grad_()
    with torch.enable_grad():
        logits = model(clips, mask)  # (B, K)
        loss = nn.functional.cross_entropy(logits.float(), labels, reduction="sum")
        return torch.autograd.grad(loss, clips)[0]


@contextmanager
def _as_it_judges(model: nn.Module) -> Iterator[None]:
    """Without dropout, and batch norm's statistics do not see what is tried."""
    training = model.training
    model.eval()
    for layer in model.modules():
        if isinstance(layer, nn.RNNBase):
            layer.train()  # cuDNN has no gradient for one that is not; it has no dropout inside
    try:
        yield
    finally:
        model.train(training)
