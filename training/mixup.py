"""MixUp and CutMix: mix training clips and their labels in pairs (train.py --mix).

A model that sees mixtures of two people and two labels memorises less. Shapes: b clips, T frames,
C channels, H, W.
"""

import math
from collections.abc import Callable

import torch

ALPHA = 0.2  # both parameters of the beta distribution that mixup draws shares from
CUT_SHARE = 0.5  # share of the batches that cutmix changes

# Clips (b, T, C, H, W), mask (b, T), labels (b,) → mixed clips (b, T, C, H, W), the labels (b,) of
# the partners that were mixed in, and the share of the original clip in each mixed clip
Mix = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], tuple[torch.Tensor, torch.Tensor, float]]


def mixup(
    clips: torch.Tensor, mask: torch.Tensor, labels: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, float]:
    """Return mixed clips, the partners' labels and the weight of the original clips. A mixed clip
    is the weighted mean of a clip and a random partner (Zhang et al. 2018). Draws from torch's
    global generator."""
    share = float(torch.distributions.Beta(ALPHA, ALPHA).sample())
    partners, order = _partners(clips, mask)
    return share * clips + (1 - share) * partners, labels[order], share


def cutmix(
    clips: torch.Tensor, mask: torch.Tensor, labels: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, float]:
    """Return mixed clips, the partners' labels and the unchanged share of the image. One random
    square, the same in all clips and frames, is replaced by that of a random partner (Yun et al.
    2019). A share 1 - CUT_SHARE of the batches stays unchanged. Draws from torch's global
    generator."""
    if float(torch.rand(())) >= CUT_SHARE:
        return clips, labels, 1.0
    side = clips.shape[-1]
    cut = round(side * math.sqrt(float(torch.rand(()))))
    top, left = (int(torch.randint(side - cut + 1, ())) for _ in range(2))
    partners, order = _partners(clips, mask)
    window = (..., slice(top, top + cut), slice(left, left + cut))
    mixed = clips.clone()
    mixed[window] = partners[window]
    return mixed, labels[order], 1 - cut**2 / side**2


def _partners(clips: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return a random partner for each clip, and the indices (b,) of the partners. Where a partner
    has padding, its frames are those of the clip itself."""
    order = torch.randperm(len(clips))
    valid = mask[order].to(clips.device, non_blocking=True)[..., None, None, None]
    order = order.to(clips.device, non_blocking=True)
    return torch.where(valid, clips[order], clips), order


MIXES: dict[str, Mix] = {"mixup": mixup, "cutmix": cutmix}
