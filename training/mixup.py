"""Training clips mixed in pairs, labels too (train.py --mix): a model that sees shades between two
people and two labels learns their outlines less by heart."""

import math
from collections.abc import Callable

import torch

STRENGTH = 0.2  # of mixup: both parameters of the beta distribution that shares are drawn from
CUT_SHARE = 0.5  # of batches that cutmix changes

# Clips (b, T, C, H, W), mask (b, T), labels (b,) → mixed clips, the labels of what was mixed in
# (b,), and the share that a clip keeps of itself
Mix = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], tuple[torch.Tensor, torch.Tensor, float]]


def mixup(
    clips: torch.Tensor, mask: torch.Tensor, labels: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, float]:
    """Weighted means of two clips (Zhang et al. 2018). Draws from torch's generator."""
    share = float(torch.distributions.Beta(STRENGTH, STRENGTH).sample())
    others, order = _others(clips, mask)
    return share * clips + (1 - share) * others, labels[order], share


def cutmix(
    clips: torch.Tensor, mask: torch.Tensor, labels: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, float]:
    """A square of another clip, at one place in all frames (Yun et al. 2019). Draws from torch's
    generator."""
    if float(torch.rand(())) >= CUT_SHARE:
        return clips, labels, 1.0
    side = clips.shape[-1]
    cut = round(side * math.sqrt(float(torch.rand(()))))
    top, left = (int(torch.randint(side - cut + 1, ())) for _ in range(2))
    others, order = _others(clips, mask)
    place = (..., slice(top, top + cut), slice(left, left + cut))
    mixed = clips.clone()
    mixed[place] = others[place]
    return mixed, labels[order], 1 - cut**2 / side**2


def _others(clips: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """For every clip another one, and which; where that has ended, the clip itself."""
    order = torch.randperm(len(clips)).to(clips.device)
    there = mask[order][..., None, None, None]
    return torch.where(there, clips[order], clips), order


MIXES: dict[str, Mix] = {"mixup": mixup, "cutmix": cutmix}
