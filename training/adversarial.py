"""Adversarial attacks: clips changed by at most epsilon per value so that a model errs, for
adversarial training and for measuring robustness.

Shapes: B clips, T frames, C channels, H, W, K classes.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import nn

PGD_STEPS = 5
PGD_REACH = 2.5  # total length of all its steps, in epsilons (Madry et al. 2018)

# (model, clips (B, T, C, H, W) normalised, mask (B, T), labels (B,)) → clips
Attack = Callable[[nn.Module, torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]


def make_attack(
    name: str, epsilon: float, mean: Sequence[float], std: Sequence[float], steps: int = PGD_STEPS
) -> Attack:
    """Return an attack. fgsm: one step along the sign of the loss's gradient (Goodfellow et al.
    2015); pgd: `steps` smaller ones from a random start (Madry et al. 2018).

    `epsilon` is relative to values in [0, 1], before they were normalised with `mean` and `std`;
    attacked values stay within that range.
    """

    def attack(
        model: nn.Module, clips: torch.Tensor, mask: torch.Tensor, labels: torch.Tensor
    ) -> torch.Tensor:
        shift, scale = (clips.new_tensor(values).view(-1, 1, 1) for values in (mean, std))
        reach = epsilon / scale
        low = torch.maximum(clips - reach, -shift / scale)
        high = torch.minimum(clips + reach, (1 - shift) / scale)
        if name == "fgsm":
            attacked, count, stride = clips, 1, reach
        else:
            attacked = low + (high - low) * torch.rand_like(clips)
            count, stride = steps, PGD_REACH * reach / steps
        with _evaluation_mode(model):
            for _ in range(count):
                gradient = _input_gradient(model, attacked, mask, labels)
                attacked = (attacked + stride * gradient.sign()).clamp(low, high)
        return attacked

    return attack


def _input_gradient(
    model: nn.Module, clips: torch.Tensor, mask: torch.Tensor, labels: torch.Tensor
) -> torch.Tensor:
    """Return the loss's gradient with respect to `clips`; the weights' gradients stay unchanged."""
    clips = clips.detach().requires_grad_()
    with torch.enable_grad():
        logits = model(clips, mask)  # (B, K)
        loss = nn.functional.cross_entropy(logits.float(), labels, reduction="sum")
        return torch.autograd.grad(loss, clips)[0]


@contextmanager
def _evaluation_mode(model: nn.Module) -> Iterator[None]:
    """Switch off dropout and keep batch norm's statistics from seeing the attempts."""
    training = model.training
    model.eval()
    for layer in model.modules():
        if isinstance(layer, nn.RNNBase):
            layer.train()  # cuDNN computes gradients only in training mode; it has no dropout
    try:
        yield
    finally:
        model.train(training)
