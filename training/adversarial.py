"""Adversarial attacks: change each value of a clip by at most epsilon to mislead a model.

Used for adversarial training and to measure robustness.

Shapes: B clips, T frames, C channels, H, W, K classes.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import nn

PGD_STEPS = 5
PGD_REACH = 2.5  # sum of the lengths of all PGD steps, in epsilons (Madry et al. 2018)

# (model, normalised clips (B, T, C, H, W), mask (B, T), labels (B,)) → attacked clips
Attack = Callable[[nn.Module, torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]


def make_attack(
    name: str, epsilon: float, mean: Sequence[float], std: Sequence[float], steps: int = PGD_STEPS
) -> Attack:
    """Return the attack `name`. fgsm: one step along the sign of the loss's gradient (Goodfellow et
    al. 2015); pgd: `steps` smaller steps from a random start (Madry et al. 2018).

    `epsilon` is the largest change of a value on the scale [0, 1], on which values were before they
    were normalised with `mean` and `std`. On that scale attacked values stay in [0, 1].
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
    """Put `model` into evaluation mode inside the block: without dropout, and without updates of
    batch norm's running statistics by attacked clips."""
    training = model.training
    model.eval()
    for layer in model.modules():
        if isinstance(layer, nn.RNNBase):
            # cuDNN computes an RNN's gradients only in training mode. These RNNs have no dropout.
            layer.train()
    try:
        yield
    finally:
        model.train(training)
